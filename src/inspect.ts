/** What `console.log` shows of an object: a name, and the facts that tell it apart. */

/** Node's `util.inspect.custom`. Elsewhere nothing looks for it. */
const CUSTOM = Symbol.for('nodejs.util.inspect.custom')

/** Shows an object of its own, or every object of a prototype, as the text that `show` makes. */
export function showAsText<T extends object>(target: T, show: (shown: T) => string): void {
  define(target, (shown: T) => show(shown))
}

/** Shows it as a class of this name with these properties only; returns it. */
export function showAs<T extends object>(name: string, names: readonly (keyof T)[], target: T): T {
  define(target, (shown: T, options: unknown, inspect: Inspect) => {
    const facts = Object.fromEntries(names.map((one) => [one, shown[one]]))
    return `${name} ${inspect(facts, options)}`
  })
  return target
}

type Inspect = (value: unknown, options: unknown) => string

/** Not enumerable, so that equal objects stay deeply equal. */
function define<T extends object>(
  target: T,
  show: (shown: T, options: unknown, inspect: Inspect) => string,
): void {
  Object.defineProperty(target, CUSTOM, {
    value(this: T, _depth: number, options: unknown, inspect: Inspect): string {
      return show(this, options, inspect)
    },
  })
}
