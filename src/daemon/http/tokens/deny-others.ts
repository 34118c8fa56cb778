/** An object with some members of another, whose other methods refuse (R007-330). */
import { notBelow } from './route-access.ts'

/**
 * `allowed` in front of `inner`: every method that is only in `inner` throws `not-permitted`, and
 * every other member that is only there is undefined. So a call that is added later is refused
 * until the code here says how it is confined.
 */
export function denyOthers<T extends object>(inner: T, allowed: Partial<T>, prefix: string): T {
  return new Proxy(allowed, {
    get(_, name) {
      if (Object.hasOwn(allowed, name)) return allowed[name as keyof T]
      if (typeof inner[name as keyof T] !== 'function') return undefined
      return () => {
        throw notBelow(prefix, 'this call')
      }
    },
  }) as T
}
