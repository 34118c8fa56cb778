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

/** `1h 2m`, `45s`, `3ms`: in at most two units. */
export function span(ms: number): string {
  const whole = Math.round(Math.abs(ms))
  if (whole < 1000) return `${whole}ms`
  const seconds = Math.round(whole / 1000)
  const parts: [number, string][] = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ]
  const from = parts.findIndex(([amount]) => amount > 0)
  const two = parts.slice(from, from + 2).filter(([amount]) => amount > 0)
  return two.map(([amount, unit]) => `${amount}${unit}`).join(' ')
}
