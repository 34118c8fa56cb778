/** The folders that a path lies in. */

/** `a` and `a/b` of `a/b/c`: the outermost first, from some length on. */
export function* foldersAbove(path: string, from = 0): Generator<string, void, undefined> {
  for (let at = path.indexOf('/', from); at !== -1; at = path.indexOf('/', at + 1)) {
    yield path.slice(0, at)
  }
}
