/** The names of several files that are put below one prefix: `--name models/v1/` (R007-446). */
import { DstoreError } from '../../src/errors.ts'
import { checkName } from '../input/references.ts'

/** The name of a file: the prefix, and its path. Throws `usage` for a path that leads elsewhere. */
export async function nameBelow(prefix: string, file: string): Promise<string> {
  const parts = file.split('/').filter((part) => part !== '' && part !== '.')
  const isPath = file !== '-' && !file.startsWith('/') && parts.length > 0 && !parts.includes('..')
  if (!isPath) {
    throw new DstoreError(
      'usage',
      `${file} has no name below ${prefix}: it is no path below here`,
      {
        hint: 'give paths relative to the folder that has the files, without ..',
      },
    )
  }
  const name = `${prefix}${parts.join('/')}`
  await checkName(name)
  return name
}
