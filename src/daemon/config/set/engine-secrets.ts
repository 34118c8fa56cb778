/** What an engine asks of its users: a file of the owner alone, or one variable. */
import { readFile } from 'node:fs/promises'
import { DstoreError } from '../../../errors.ts'
import { readSecret } from '../../../store/file/secret-file.ts'
import { decodeUtf8 } from '../../../utf8.ts'

/** Texts, where the file names other files. */
export interface EngineSecrets {
  readonly user?: string
  readonly password?: string
  /** Of NATS: the text of a `.creds` file. */
  readonly creds?: string
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
  /** Of NATS: a user of the system account. */
  readonly systemUser?: string
  readonly systemPassword?: string
}

const TEXTS = ['user', 'password', 'systemUser', 'systemPassword'] as const
/** Paths of files. */
const PATHS = ['creds', 'ca', 'cert', 'key'] as const

/**
 * `path`: of a JSON object with some of these. Errors: `unreadable`, `not-permitted` if others may
 * read it; `usage` for what it should not have.
 */
export async function readEngineSecrets(
  path: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<EngineSecrets> {
  const password = environment['DSTORE_ENGINE_PASSWORD']
  const fromVariable = password ? { password } : {}
  if (path === undefined) return fromVariable
  const bytes = await readSecret(path)
  if (bytes === undefined) {
    throw new DstoreError('unreadable', `there is no file ${path}`, {
      hint: 'write it as docs/set.md shows, or leave out --engine-secrets',
    })
  }
  const said = objectIn(bytes, path)
  const secrets: Record<string, string> = {}
  for (const [name, value] of Object.entries(said)) {
    const isKnown = [...TEXTS, ...PATHS].some((one) => one === name)
    if (!isKnown || typeof value !== 'string') {
      throw new DstoreError('usage', `${path}: unknown or no text: ${JSON.stringify(name)}`, {
        hint: `it may have ${[...TEXTS, ...PATHS].join(', ')}`,
      })
    }
    secrets[name] = value
  }
  for (const name of PATHS) {
    const file = secrets[name]
    if (file !== undefined) secrets[name] = await textOf(file)
  }
  return { ...secrets, ...fromVariable }
}

function objectIn(bytes: Uint8Array, path: string): object {
  try {
    const value: unknown = JSON.parse(decodeUtf8(bytes) ?? '')
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  } catch {
    // What it has is a secret: no part of it is repeated.
  }
  throw new DstoreError('usage', `${path} is not a JSON object`, { hint: 'see docs/set.md' })
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw new DstoreError('unreadable', `${path} cannot be read`, { cause })
  }
}
