/**
 * The files of the page, out of the package: read whole, once, when the first of them is wanted. No
 * path of a request reaches the file system (R013-12).
 */
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { unreadableFile } from '../../../store/file/file-faults.ts'

export interface PageFile {
  readonly type: string
  readonly bytes: Buffer
  /** The same, compressed, if that is shorter. */
  readonly zipped: Buffer | undefined
  /** Of the bytes as they are. */
  readonly tag: string
}

/** By path below `/ui/`. */
export type PageFiles = ReadonlyMap<string, PageFile>

const TYPES: Readonly<Record<string, string>> = {
  css: 'text/css; charset=utf-8',
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  png: 'image/png',
  svg: 'image/svg+xml',
  txt: 'text/plain; charset=utf-8',
}

/** The folder of the page, beside the bundle and beside what is compiled but not bundled. */
const FOLDERS = ['../ui/', '../../../../ui/'].map((path) =>
  fileURLToPath(new URL(path, import.meta.url)),
)

/** The files below the first of these folders that exists; none where no folder does. */
export async function readPageFiles(folders: readonly string[] = FOLDERS): Promise<PageFiles> {
  for (const folder of folders) {
    const found = await filesBelow(folder)
    if (found !== undefined) return new Map(found)
  }
  return new Map()
}

/** Undefined where there is no such folder. Error: `unreadable`. */
async function filesBelow(folder: string): Promise<[string, PageFile][] | undefined> {
  try {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true })
    const paths = entries.filter((one) => one.isFile()).map((one) => join(one.parentPath, one.name))
    return await Promise.all(
      paths.map(async (path): Promise<[string, PageFile]> => {
        const name = path.slice(folder.length).split(sep).join('/')
        return [name, await pageFile(name, await readFile(path))]
      }),
    )
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw unreadableFile(folder, cause)
  }
}

async function pageFile(name: string, bytes: Buffer): Promise<PageFile> {
  const type = TYPES[/\.([a-z]+)$/.exec(name)?.[1] ?? ''] ?? 'application/octet-stream'
  const zipped = await promisify(gzip)(bytes, { level: 9 })
  const digest = createHash('sha256').update(bytes).digest('base64url').slice(0, 22)
  return {
    type,
    bytes,
    zipped: zipped.byteLength < bytes.byteLength ? zipped : undefined,
    tag: `"${digest}"`,
  }
}
