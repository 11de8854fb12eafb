import wavefile from 'wavefile';

const tables: { alaw?: Float32Array; mulaw?: Float32Array } = {};

/**
 * The 256 values of A-law or mu-law (ITU-T G.711) in [-1, 1], as wavefile decodes them: it is given a file that holds
 * every code once, and the table does the rest.
 */
export function compandingTable(law: 'alaw' | 'mulaw'): Float32Array {
  const known = tables[law];
  if (known) return known;
  const file = new wavefile.WaveFile();
  const codes = Array.from({ length: 256 }, (_, code) => code);
  file.fromScratch(1, 8000, law === 'alaw' ? '8a' : '8m', codes);
  if (law === 'alaw') file.fromALaw();
  else file.fromMuLaw();
  return (tables[law] = Float32Array.from(file.getSamples(), (value) => value / 32768));
}
