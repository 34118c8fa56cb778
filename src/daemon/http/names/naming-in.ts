/** How a request wants a name bound (specs/007, R007-290 and R007-291). */
import { DstoreError } from '../../../errors.ts'
import type { BindOptions, NameKind, PutOptions } from '../../../node/node.ts'

/** What a request says of a name. Durations in milliseconds, as texts or numbers. */
export interface NamingFields {
  readonly kind?: unknown
  readonly expires?: unknown
  readonly keep?: unknown
}

type Terms = Pick<BindOptions, 'kind' | 'expiresMs' | 'keepMs'>

/** The terms in a JSON document. Throws `usage` for ones that no name can have. */
export function termsIn({ kind, expires, keep }: NamingFields): Terms {
  if (kind !== undefined && !isKind(kind)) throw usage('kind must be fixed or tag')
  if (keep !== undefined && kind !== 'tag') throw usage('keep is for a tag')
  return {
    ...(kind !== undefined && { kind }),
    ...(expires !== undefined && { expiresMs: duration('expires', expires, 1) }),
    ...(keep !== undefined && { keepMs: duration('keep', keep, 0) }),
  }
}

/** The terms in `?tag=1&expires=MS&keep=MS`, for the name of a put; none for a fixed name. */
export function namingIn(
  query: URLSearchParams,
  name: string | undefined,
): Pick<PutOptions, 'naming'> {
  const tag = query.get('tag')
  if (tag !== null && tag !== '1') throw usage('tag must be 1')
  return namingFor(name, {
    ...(tag !== null && { kind: 'tag' }),
    ...numberIn(query, 'expires'),
    ...numberIn(query, 'keep'),
  })
}

/** The terms in the fields `tag`, `expires` and `keep` of a document beside a name. */
export function namingBeside(
  name: string | undefined,
  { tag, expires, keep }: Readonly<Record<string, unknown>>,
): Pick<PutOptions, 'naming'> {
  if (tag !== undefined && typeof tag !== 'boolean') throw usage('tag must be true or false')
  return namingFor(name, {
    ...(tag === true && { kind: 'tag' }),
    ...(expires !== undefined && { expires }),
    ...(keep !== undefined && { keep }),
  })
}

/** Without a name the terms would be for nothing, and the value would stay. */
function namingFor(name: string | undefined, fields: NamingFields): Pick<PutOptions, 'naming'> {
  const [field] = Object.keys(fields)
  if (field === undefined) return {}
  if (name === undefined) {
    throw usage(`${field === 'kind' ? 'tag' : field} is for a put with a name`)
  }
  return { naming: termsIn(fields) }
}

function numberIn(query: URLSearchParams, field: string): Record<string, number> {
  const text = query.get(field)
  if (text === null) return {}
  return { [field]: /^\d{1,16}$/.test(text) ? Number(text) : NaN }
}

function duration(field: string, value: unknown, least: number): number {
  if (Number.isSafeInteger(value) && (value as number) >= least) return value as number
  throw usage(`${field} must be a whole number of milliseconds, at least ${least}`)
}

const isKind = (kind: unknown): kind is NameKind => kind === 'fixed' || kind === 'tag'

const usage = (message: string): DstoreError => new DstoreError('usage', message)
