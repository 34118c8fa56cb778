/** Words for figures, as findings write them. */

/** A mode as chmod takes it: `0700`. */
export const octal = (mode: number): string => `0${(mode & 0o7777).toString(8).padStart(3, '0')}`

/** A path as a shell takes it. */
export const quoted = (path: string): string =>
  /^[\w./~@%+:,-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`

/** The address without its peer id: `/ip4/10.0.0.1/tcp/4480`. */
export const place = (address: string): string => address.replace(/\/p2p\/[^/]+$/, '')

/** The port of a multiaddr. */
export const portOf = (address: string): number => Number(/\/tcp\/(\d+)/.exec(address)?.[1])

/** Can only this machine reach it? */
export const isLoopback = (address: string): boolean =>
  /^\/(ip4\/127\.|ip6\/::1\/|dns[46]?\/localhost\/)/.test(address)
