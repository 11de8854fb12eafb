/** Codes whose names every locale of CLDR's modern coverage has. Fixed lists, so that the draw is the same on any Node. */

const words = (text: string): string[] => text.trim().split(/\s+/);

/** ISO 3166 regions. */
export const regionCodes = words(`
  AD AE AF AL AM AO AR AT AU AZ BA BB BD BE BF BG BH BI BJ BN BO BR BS BT BW BY BZ CA CD CF CG CH CI CL CM CN CO CR CU
  CV CY CZ DE DJ DK DM DO DZ EC EE EG ER ES ET FI FJ FR GA GB GD GE GH GM GN GQ GR GT GW GY HN HR HT HU ID IE IL IN IQ
  IR IS IT JM JO JP KE KG KH KM KR KW KZ LA LB LI LK LR LS LT LU LV LY MA MC MD ME MG ML MN MR MT MU MV MW MX MY MZ NA
  NE NG NI NL NO NP NZ OM PA PE PG PH PK PL PT PY QA RO RS RU RW SA SC SD SE SG SI SK SL SM SN SO SR SV SY TD TG TH TJ
  TM TN TO TR TT TZ UA UG US UY UZ VE VN VU WS YE ZA ZM ZW`);

/** Languages whose German name is an adjective (-isch, Deutsch), which the German grammar declines. */
export const languageCodes = words(`
  en pt de fr es it nl sv da no fi is pl cs sk sl hu ro bg el hr sr uk ru tr ja zh ko ar he fa th vi id ca et lv lt sq
  ga`);

/** ISO 4217 currencies. */
export const currencyCodes = words(`
  EUR USD GBP JPY BRL CHF CAD AUD NZD MXN ARS CLP COP PEN UYU BOB PYG CNY INR KRW THB VND IDR MYR PHP SEK NOK DKK ISK
  PLN CZK HUF RON RSD UAH TRY EGP TND AOA MZN KES NGN ZAR CVE ILS MAD`);

/** ISO 15924 scripts. */
export const scriptCodes = words(`
  Latn Cyrl Grek Arab Hebr Deva Beng Armn Geor Hang Kana Hira Khmr Laoo Mymr Taml Telu Tibt Mong Ethi`);

/** Currencies with two decimals that people quote prices in. */
export const priceCurrencies = words('EUR USD GBP BRL CHF CAD');
