/**
 * Files and folders that were dropped or chosen, as uploads.
 * @module
 */

/** Files of a folder that are looked at, and that are chosen at once. */
export const MOST_FILES = 20_000
/** Bytes of the list of paths and keys that the API takes. */
const MOST_LIST_BYTES = 1024 * 1024
/** Bytes of an entry of that list, beside its path. */
const ENTRY_BYTES = 90
/** What the API takes as one batch: values, the bytes of each, and those of all together. */
export const BATCH = Object.freeze({ files: 1024, fileBytes: 16 * 1024, bytes: 1024 * 1024 })

/**
 * @typedef {{ path: string, file: File }} FolderFile
 *
 * @typedef {object} Folder
 * @property {string} name
 * @property {FolderFile[]} files Paths within the folder.
 * @property {string[]} emptyFolders
 *
 * @typedef {{ file: File } | { folder: Folder }} Chosen
 */

/**
 * The folder of an input that chooses folders: its files have paths that begin with its name.
 * @param {readonly File[]} files
 * @returns {Chosen[]}
 */
export function foldersOf(files) {
  /** @type {Map<string, Folder>} */
  const folders = new Map()
  for (const file of files) {
    const [name = '', ...rest] = file.webkitRelativePath.split('/')
    const folder = folders.get(name) ?? { name, files: [], emptyFolders: [] }
    folder.files.push({ path: rest.join('/'), file })
    folders.set(name, folder)
    if (folder.files.length > MOST_FILES) throw tooMany(name)
  }
  return [...folders.values()].map((folder) => ({ folder }))
}

/**
 * What a drop holds. Its entries are taken at once: the browser forgets them after the event.
 * @param {readonly FileSystemEntry[]} entries
 * @returns {Promise<Chosen[]>}
 */
export async function chosenOf(entries) {
  /** @type {Chosen[]} */
  const chosen = []
  for (const entry of entries) {
    if (entry.isFile) chosen.push({ file: await fileOf(entry) })
    else {
      /** @type {Folder} */
      const folder = { name: entry.name, files: [], emptyFolders: [] }
      await walk(/** @type {FileSystemDirectoryEntry} */ (entry), '', folder)
      chosen.push({ folder })
    }
  }
  return chosen
}

/**
 * @param {FileSystemDirectoryEntry} directory
 * @param {string} below
 * @param {Folder} folder
 */
async function walk(directory, below, folder) {
  const reader = directory.createReader()
  let count = 0
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const entries = await new Promise((resolve, reject) => reader.readEntries(resolve, reject))
    if (entries.length === 0) break
    count += entries.length
    for (const entry of entries) {
      const path = `${below}${entry.name}`
      if (entry.isFile) folder.files.push({ path, file: await fileOf(entry) })
      else await walk(/** @type {FileSystemDirectoryEntry} */ (entry), `${path}/`, folder)
      if (folder.files.length + folder.emptyFolders.length > MOST_FILES) throw tooMany(folder.name)
    }
  }
  if (count === 0 && below !== '') folder.emptyFolders.push(below.slice(0, -1))
}

/**
 * @param {FileSystemEntry} entry
 * @returns {Promise<File>}
 */
const fileOf = (entry) =>
  new Promise((resolve, reject) => {
    const file = /** @type {FileSystemFileEntry} */ (entry)
    file.file(resolve, reject)
  })

/** @param {string} name */
export const tooMany = (name) =>
  new Error(`${name} has too many files for a page: put it with \`dstore put\``)

/**
 * Why a folder cannot be uploaded by a page, before any of it is sent.
 * @param {Folder} folder
 * @returns {Error | undefined}
 */
export function folderFault({ name, files, emptyFolders }) {
  const paths = [...files.map(({ path }) => path), ...emptyFolders]
  if (paths.length === 0) return new Error(`${name} is empty`)
  const encoder = new TextEncoder()
  let bytes = 0
  for (const path of paths) bytes += ENTRY_BYTES + encoder.encode(JSON.stringify(path)).byteLength
  return bytes > MOST_LIST_BYTES ? tooMany(name) : undefined
}

/**
 * The files of a folder as they are sent: small ones in batches, each other one by itself. So is an
 * empty one: as a part of a body the browser would not notice that it has changed.
 * @param {readonly FolderFile[]} files
 * @returns {FolderFile[][]}
 */
export function batchesOf(files) {
  /** @type {FolderFile[][]} */
  const batches = []
  /** @type {FolderFile[]} */
  let open = []
  let bytes = BATCH.bytes
  for (const one of files) {
    const { size } = one.file
    if (size === 0 || size > BATCH.fileBytes) batches.push([one])
    else {
      if (bytes + size > BATCH.bytes || open.length === BATCH.files) {
        open = []
        bytes = 0
        batches.push(open)
      }
      open.push(one)
      bytes += size
    }
  }
  return batches
}

/** @param {Chosen} chosen */
export const nameIn = (chosen) => ('file' in chosen ? chosen.file.name : chosen.folder.name)

/** @param {Chosen} chosen */
export const bytesOf = (chosen) =>
  'file' in chosen
    ? chosen.file.size
    : chosen.folder.files.reduce((sum, { file }) => sum + file.size, 0)
