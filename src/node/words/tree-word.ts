/**
 * Words that lead to something in a stored tree: `KEY/path` and `NAME/path`
 * (specs/008-directories.md, "Rules: reading").
 */
import { faultOfName } from '../../directory/names.ts'
import { asDstoreError, DstoreError } from '../../errors.ts'
import { type Key, parseKey } from '../../hash/key.ts'
import { checkName, isName } from '../../index/name.ts'

/** A key, and the names of entries that lead from its directory to what is meant. */
export interface TreeWord {
  readonly key: Key
  /** Empty for the value of the key itself. */
  readonly path: readonly string[]
  /** The text of the key or name that `path` begins at. */
  readonly root: string
}

/** The key that the text begins with, and the path after its slash; undefined without a key. */
export function splitKey(text: string): TreeWord | undefined {
  // Some spellings of keys have slashes themselves.
  const whole = readKey(text)
  if (whole !== undefined) return { key: whole, path: [], root: text }
  const at = text.indexOf('/')
  const head = text.slice(0, at)
  const key = at === -1 ? undefined : readKey(head)
  return key && { key, path: splitPath(text.slice(at + 1), text), root: head }
}

/**
 * The names in a path; one slash may end it. Throws `usage`, naming `text`, if one of them cannot
 * be in a directory.
 */
export function splitPath(path: string, text: string = path): string[] {
  const names = path.split('/')
  if (names.at(-1) === '') names.pop()
  for (const name of names) {
    const fault = faultOfName(name)
    if (fault === undefined) continue
    throw new DstoreError('usage', `not a path in a directory: ${text}: a name in it: ${fault}`)
  }
  return names
}

/**
 * What a word leads to: a key, or the longest bound name that it begins with; undefined if no such
 * name is bound. `lookup` answers a name with its key. Errors: `usage` if the word can be neither,
 * and those of `lookup`; but a name that is known to be bound to a directory suffices where longer
 * ones are `unreachable`, because no name is bound below it (R004-105).
 */
export async function findTreeWord(
  text: string,
  lookup: (name: string) => Promise<Key | undefined>,
): Promise<TreeWord | undefined> {
  const keyed = splitKey(text)
  if (keyed !== undefined) return keyed
  let canBeName = false
  let away: DstoreError | undefined
  for (let end = text.length; end > 0; end = text.lastIndexOf('/', end - 1)) {
    const name = text.slice(0, end)
    if (!isName(name)) continue
    canBeName = true
    const key = await lookup(name).catch((error: unknown) => {
      const fault = asDstoreError(error)
      if (fault.code !== 'unreachable') throw fault
      away ??= fault
      return undefined
    })
    if (key === undefined) continue
    if (away !== undefined && key.kind !== 'directory') break
    const path = end === text.length ? [] : splitPath(text.slice(end + 1), text)
    return { key, path, root: name }
  }
  if (away !== undefined) throw away
  if (!canBeName) checkName(text)
  return undefined
}

function readKey(text: string): Key | undefined {
  try {
    return parseKey(text)
  } catch {
    return undefined
  }
}
