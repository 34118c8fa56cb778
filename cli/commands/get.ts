/** `dstore get`: fetch values to standard output, to a file, or to files in a directory. */
import { statSync } from 'node:fs'
import { DstoreError } from '../../src/errors.ts'
import type { RangeRequest } from '../../src/node/node.ts'
import type { Invocation } from '../command.ts'
import { getOne } from '../delivery/single.ts'
import { parseReferences } from '../input/references.ts'
import { useDaemonBy } from '../session.ts'

export async function get(invocation: Invocation): Promise<number> {
  const { flags, positionals, terminal, signal } = invocation
  const { output, 'output-dir': directory, update } = flags
  const targets = [output, directory, update].filter((target) => target !== undefined)
  if (flags.json === true && targets.length === 0) {
    throw new DstoreError('usage', 'get --json needs -o FILE, --output-dir DIR or --update DIR')
  }
  if (targets.length > 1) {
    throw new DstoreError('usage', 'get takes one of -o, --output-dir and --update')
  }
  if (flags.format !== undefined) {
    const { checkFormat } = await import('../tree/tar/get-tar.ts')
    checkFormat(flags.format)
    if (directory !== undefined || update !== undefined) {
      throw new DstoreError(
        'usage',
        'get --format tar writes one archive, to -o or standard output',
      )
    }
  }
  if (flags.delete === true && update === undefined) {
    throw new DstoreError('usage', 'get --delete needs --update DIR')
  }
  if (flags['files-from'] !== undefined && directory === undefined) {
    throw new DstoreError('usage', 'get --files-from needs --output-dir DIR')
  }
  if (flags.jobs !== undefined && directory === undefined) {
    throw new DstoreError('usage', 'get --jobs needs --output-dir DIR')
  }
  if (positionals.length > 1 && directory === undefined) {
    throw new DstoreError('usage', 'several values need --output-dir DIR', {
      hint: `to write one value to a file: dstore get ${positionals[0]!} -o FILE`,
    })
  }
  const range = flags.range === undefined ? undefined : parseRange(flags.range)
  if (directory === undefined) {
    const references = await parseReferences(positionals)
    const { type, isDirectory = false } = references.get(positionals[0]!)!
    const isTree =
      type === 'path' ||
      isDirectory ||
      update !== undefined ||
      flags.format !== undefined ||
      (type === 'name' && leadsToFolder(output))
    const code = isTree ? undefined : await getOne(invocation, range)
    if (code !== undefined) return code
    const { getFromTree } = await import('../tree/get-tree.ts')
    return getFromTree(invocation, range)
  }
  // What one value does without is not loaded for it.
  const [
    { connectForMany, getMany },
    { jobsOf },
    { readReferences },
    { checkPlaces },
    { OutputFolder },
  ] = await Promise.all([
    import('../many/get-many.ts'),
    import('../many/in-flight.ts'),
    import('../many/list-file.ts'),
    import('../many/places.ts'),
    import('../terminal/output-folder.ts'),
  ])
  const references = await readReferences(invocation)
  // Before the daemon is asked: a value that cannot be written costs others their place in a cache.
  const jobs = jobsOf(flags.jobs)
  const places = checkPlaces(references.types.values())
  const folder = await OutputFolder.create(directory)
  let code: number | undefined
  try {
    folder.checkPlaces(places)
    const daemon = await useDaemonBy(connectForMany, invocation)
    code = await getMany({ ...daemon, terminal, references, folder, range, jobs, signal })
    return code
  } finally {
    // A list of nothing makes an empty folder.
    if (code !== 0) folder.removeEmpty()
  }
}

/** Then a name of a plain value cannot be written there: what it names must be known first. */
function leadsToFolder(output: string | undefined): boolean {
  if (output === undefined) return false
  if (output.endsWith('/')) return true
  try {
    return statSync(output, { throwIfNoEntry: false })?.isDirectory() === true
  } catch {
    // Why it cannot be written is said where it is opened.
    return false
  }
}

/** `A-B`, inclusive; `A-` to the end; `-N` the last N bytes. Anything else is `malformed-range`. */
export function parseRange(text: string): RangeRequest {
  const match = /^(\d{0,15})-(\d{0,15})$/.exec(text)
  if (match === null || text === '-') {
    throw new DstoreError('malformed-range', `not a byte range: ${text}`, {
      hint: 'write 0-99 for the first hundred bytes, 100- for the rest, -100 for the last hundred',
    })
  }
  const [, first, last] = match as unknown as [string, string, string]
  if (first === '') return { last: Number(last) }
  if (last === '') return { start: Number(first) }
  if (Number(last) < Number(first)) {
    throw new DstoreError('malformed-range', `the range is reversed: ${text}`)
  }
  return { start: Number(first), end: Number(last) + 1 }
}
