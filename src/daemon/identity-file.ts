/** The file that holds a node's private key: for its owner's eyes alone, written once, whole or not at all. */
import { randomBytes } from 'node:crypto'
import { link, open, readFile, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { DstoreError } from '../errors.ts'
import { decodeIdentity, encodeIdentity, newIdentity } from '../node/identity.ts'
import type { Identity } from '../node/identity.ts'

const OTHERS = 0o077

/** The identity in the file, or a new one written there. Errors: `unreadable`, `unwritable`. */
export async function loadIdentity(path: string): Promise<Identity> {
  return (await readIdentity(path)) ?? (await createIdentity(path))
}

/** Undefined where there is no file. */
async function readIdentity(path: string): Promise<Identity | undefined> {
  let bytes: Uint8Array
  try {
    const file = await open(path, 'r')
    try {
      const { mode } = await file.stat()
      if ((mode & OTHERS) !== 0) throw tooOpen(path)
      bytes = await file.readFile()
    } finally {
      await file.close()
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error instanceof DstoreError ? error : unusable('unreadable', path, error)
  }
  try {
    return await decodeIdentity(bytes)
  } catch (cause) {
    throw new DstoreError('unreadable', `the private key in ${path} is damaged`, {
      cause,
      hint: 'restore it; or move it away, and this node becomes a new one that no Global knows',
    })
  }
}

/** Linked, not renamed, into place: of two processes that begin at once both get the key of the first. */
async function createIdentity(path: string): Promise<Identity> {
  const draft = `${path}.${randomBytes(6).toString('hex')}.new`
  try {
    const file = await open(draft, 'wx', 0o600)
    try {
      await file.writeFile(encodeIdentity(await newIdentity()))
      await file.sync()
    } finally {
      await file.close()
    }
    await link(draft, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
    })
    await syncDirectory(dirname(path))
  } catch (error) {
    throw unusable('unwritable', path, error)
  } finally {
    await unlink(draft).catch(() => {})
  }
  return decodeIdentity(await readFile(path))
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

function tooOpen(path: string): DstoreError {
  return new DstoreError('unreadable', `the private key in ${path} can be read by others`, {
    hint: `chmod 600 ${path}`,
  })
}

function unusable(code: 'unreadable' | 'unwritable', path: string, cause: unknown): DstoreError {
  const what = code === 'unreadable' ? 'read' : 'written'
  return new DstoreError(code, `the private key in ${path} cannot be ${what}`, { cause })
}
