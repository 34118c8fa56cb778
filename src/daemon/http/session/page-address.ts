/** Where a browser on this machine finds the API over TCP (R013-2). */

/** Addresses that listen everywhere, and the one of this machine that a browser can open. */
const LOOPBACK: ReadonlyMap<string, string> = new Map([
  ['0.0.0.0', '127.0.0.1'],
  ['[::]', '[::1]'],
])

/** The address of a listener at this URL, whose certificate may be for one of these hosts. */
export function pageAddress(url: string, hosts: readonly string[]): string {
  const { protocol, hostname, port } = new URL(url)
  const name = protocol === 'https:' ? hosts[0] : undefined
  const host = name ?? LOOPBACK.get(hostname) ?? hostname
  return `${protocol}//${host}${port === '' ? '' : `:${port}`}`
}
