/** How names are to be bound, as requests of the API say it (specs/007, R007-290 and R007-291). */
import type { BindOptions } from '../../../node/node.ts'

/** How the name of a put or a binding is to be bound. */
export type Terms = Pick<BindOptions, 'kind' | 'expiresMs' | 'keepMs'>

/** What keeps a value that is put: a name, a hold, or neither. */
export interface PutKeeper {
  readonly name?: string | undefined
  /** Of `name`: whether it is a tag, and when it expires. */
  readonly naming?: Terms | undefined
  readonly hold?: string | undefined
}

/** The document that binds a name. */
export const bindBody = (key: string, { kind, expiresMs, keepMs }: Terms = {}): string =>
  JSON.stringify({ key, kind, expires: expiresMs, keep: keepMs })

/** The same for the name of a put, as parameters of a query. */
export const putQuery = ({ kind, expiresMs, keepMs }: Terms = {}): Record<string, string> => ({
  ...(kind === 'tag' && { tag: '1' }),
  ...(expiresMs !== undefined && { expires: String(expiresMs) }),
  ...(keepMs !== undefined && { keep: String(keepMs) }),
})

/** The same as fields of a document. */
export const putFields = ({ kind, expiresMs, keepMs }: Terms = {}): object => ({
  ...(kind === 'tag' && { tag: true }),
  expires: expiresMs,
  keep: keepMs,
})
