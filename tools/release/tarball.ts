/** Tar archives whose bytes depend only on what is in them (R007-174). */
import { createHash } from 'node:crypto'
import { posix } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { packTar, unpackTar } from 'modern-tar'

/** A file of an archive. Its path is relative, with forward slashes. */
export interface PackedFile {
  readonly path: string
  readonly bytes: Uint8Array
  readonly isExecutable?: boolean
}

/** The time of every entry: that of the packages that npm makes. */
const MTIME = new Date('1985-10-26T08:15:00Z')

/**
 * A compressed archive of one folder, `top`, with these files: in the order of their paths, with
 * the same owner, time and modes on every machine.
 */
export async function tarball(top: string, files: readonly PackedFile[]): Promise<Uint8Array> {
  const folders = new Set<string>()
  for (const { path } of files) {
    for (let at = posix.join(top, posix.dirname(path)); at !== '.'; at = posix.dirname(at)) {
      folders.add(at)
    }
  }
  const common = { mtime: MTIME, uid: 0, gid: 0, uname: 'root', gname: 'root' }
  const entries = [
    ...[...folders].map((path) => ({
      header: { ...common, name: `${path}/`, size: 0, mode: 0o755, type: 'directory' as const },
    })),
    ...files.map(({ path, bytes, isExecutable = false }) => ({
      header: {
        ...common,
        name: posix.join(top, path),
        size: bytes.length,
        mode: isExecutable ? 0o755 : 0o644,
        type: 'file' as const,
      },
      body: bytes,
    })),
  ].toSorted((a, b) => (a.header.name < b.header.name ? -1 : 1))
  return gzipSync(await packTar(entries), { level: 9 })
}

/** The files of a compressed archive that the filter wants, without the first folder. */
export async function filesOf(
  archive: Uint8Array,
  wants: (path: string) => boolean = () => true,
): Promise<PackedFile[]> {
  const inner = (name: string): string => name.slice(name.indexOf('/') + 1)
  const entries = await unpackTar(gunzipSync(archive), { filter: ({ name }) => wants(inner(name)) })
  return entries.flatMap(({ header, data }) => {
    if (data === undefined) return []
    const isExecutable = ((header.mode ?? 0) & 0o111) !== 0
    return [{ path: inner(header.name), bytes: data, isExecutable }]
  })
}

/** `SHA256SUMS` of these files, as `sha256sum` writes it. */
export function checksums(files: readonly { name: string; bytes: Uint8Array }[]): string {
  const lines = files.map(
    ({ name, bytes }) => `${createHash('sha256').update(bytes).digest('hex')}  ${name}\n`,
  )
  return lines.join('')
}

/** Throws unless the bytes have this checksum, written as in a lock file. */
export function checkIntegrity(bytes: Uint8Array, integrity: string, name: string): void {
  const [algorithm, expected] = integrity.split(/-(.*)/s) as [string, string]
  const found = createHash(algorithm).update(bytes).digest('base64')
  if (found !== expected) throw new Error(`${name} has the checksum ${algorithm}-${found}`)
}
