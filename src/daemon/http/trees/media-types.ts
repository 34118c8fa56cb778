/**
 * The content types of values (specs/007, R007-222): a closed list, by the extension of
 * the name or path that a request names. What a browser would run as part of this origin, such as
 * a page or a script, is text.
 */
import { DstoreError } from '../../../errors.ts'

export const BYTES_TYPE = 'application/octet-stream'

const PLAIN = 'text/plain; charset=utf-8'

/** Extensions by type. */
const EXTENSIONS: Readonly<Record<string, string>> = {
  'application/gzip': 'gz tgz',
  'application/json': 'json',
  'application/pdf': 'pdf',
  'application/wasm': 'wasm',
  'application/x-ndjson': 'jsonl ndjson',
  'application/x-tar': 'tar',
  'application/zip': 'zip whl',
  'application/zstd': 'zst',
  'audio/mpeg': 'mp3',
  'audio/ogg': 'ogg oga opus',
  'audio/wav': 'wav',
  'font/otf': 'otf',
  'font/ttf': 'ttf',
  'font/woff2': 'woff2',
  'image/avif': 'avif',
  'image/gif': 'gif',
  'image/jpeg': 'jpg jpeg',
  'image/png': 'png',
  'image/webp': 'webp',
  'text/csv; charset=utf-8': 'csv',
  'text/markdown; charset=utf-8': 'md markdown',
  [PLAIN]:
    'txt text log cfg conf ini toml yaml yml c cc cpp css go h hpp htm html java js jsx mjs py rs sh svg ts tsx xml',
  'video/mp4': 'mp4 m4v',
  'video/webm': 'webm',
}

const TYPES: ReadonlyMap<string, string> = new Map(
  Object.entries(EXTENSIONS).flatMap(([type, extensions]) =>
    extensions.split(' ').map((extension): [string, string] => [extension, type]),
  ),
)

/** The types that a request may ask for, without parameters. */
const ASKED: ReadonlyMap<string, string> = new Map(
  [BYTES_TYPE, ...Object.keys(EXTENSIONS)].map((type) => [type.split(';')[0]!, type]),
)

/** The type of a value by the last name of a path, or by a name that has an extension. */
export function mediaTypeOf(path: string): string {
  const extension = /\.([^./]+)$/.exec(path)?.[1]
  return (extension && TYPES.get(extension.toLowerCase())) ?? BYTES_TYPE
}

/** The type that `?type=` asks for, or that of the path. Throws `usage` for any other type. */
export function mediaTypeIn(query: URLSearchParams, path: string): string {
  const asked = query.get('type')
  if (asked === null) return mediaTypeOf(path)
  const type = ASKED.get(asked.toLowerCase())
  if (type !== undefined) return type
  const hint = `one of ${[...ASKED.keys()].join(', ')}`
  throw new DstoreError('usage', `no values are served as this type: ${asked}`, { hint })
}
