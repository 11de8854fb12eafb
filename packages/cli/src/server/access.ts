import { BlockList, isIP } from 'node:net';

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8);
loopback.addAddress('::1', 'ipv6');

function isLoopback(address: string): boolean {
  const kind = isIP(address);
  return kind !== 0 && loopback.check(address, kind === 6 ? 'ipv6' : 'ipv4');
}

/**
 * Whether a server may be called by a name, as URLs write it. One that only its own machine reaches knows its address's names: a page
 * of elsewhere whose name has come to mean this machine (DNS rebinding) would call it by that name.
 */
export function hostCheck({ host, address }: { host: string; address: string }): (name: string) => boolean {
  if (!isLoopback(address)) return () => true;
  const own = ['localhost', urlName(host)];
  return (name) => own.includes(name) || isLoopback(name.replace(/^\[|\]$/g, ''));
}

/** A host as URLs write it. */
function urlName(host: string): string {
  const url = `http://${isIP(host) === 6 ? `[${host}]` : host}`;
  return URL.canParse(url) ? new URL(url).hostname : host;
}

/** What asks for nothing to be done. */
const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Whether a browser sends a request for a page that may ask: one of the server's own, or of the allowed origin. Another page could not
 * read the answer, but would have the work done. Browsers say of which site a page is to addresses that they trust, such as
 * localhost, and to others the page's origin; what is no browser says neither.
 */
export function mayAsk({ method, headers, url }: Request, allowed: string | undefined): boolean {
  const site = headers.get('sec-fetch-site');
  const origin = headers.get('origin');
  const own = site === null ? isSameHost(origin, url) : site === 'same-origin' || site === 'none';
  return own || safeMethods.has(method) || allowed === '*' || (allowed !== undefined && allowed === origin);
}

/** A proxy may change the scheme, so that only hosts are compared. */
function isSameHost(origin: string | null, url: string): boolean {
  return origin === null || (URL.canParse(origin) && new URL(origin).host === new URL(url).host);
}
