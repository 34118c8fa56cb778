/** Handler for values that the daemon writes to a file of its client (specs/007, "HTTP API"). */
import { DstoreError } from '../../errors.ts'
import { callOptions, readJson, resolveKeyParam, type HttpCall } from '../http/call.ts'
import { sendEvents } from '../http/json-lines.ts'
import { parseRangeHeader } from '../http/range-header.ts'
import { checkOwnFiles, deviceAndInode, pathIn } from './own-files.ts'
import { TargetFile, type NamedFile } from './target-file.ts'

/**
 * POST /v1/values/{key}/copy {"path", "device", "inode", "name", "range"}: writes the value, or a
 * range of it, to an empty file that the client has made and holds open (R007-182).
 */
export async function copyValue(call: HttpCall): Promise<void> {
  const request = await readJson(call)
  checkOwnFiles(call, 'get the bytes from /v1/values')
  const { range: rangeText } = request
  if (rangeText !== undefined && typeof rangeText !== 'string') {
    throw new DstoreError('usage', 'range must be a string, as in the header Range')
  }
  const file = fileIn(request)
  const range = parseRangeHeader(rangeText)
  let onWritten = (_doneBytes: number): void => undefined
  const target = await TargetFile.open(file, (doneBytes) => onWritten(doneBytes))
  try {
    const key = await resolveKeyParam(call)
    const value = await call.node.get(key, { ...callOptions(call), ...(range && { range }) })
    const { size } = value
    const { start, end } = value.range
    await sendEvents(call, async (onProgress) => {
      onWritten = (doneBytes) => onProgress({ phase: 'fetch', doneBytes, totalBytes: end - start })
      // From now on a failure is an event: the client does not ask for the bytes once more.
      onWritten(0)
      const isCopied = (await value.copyTo?.(target)) ?? false
      if (!isCopied) for await (const piece of value.bytes) await target.write(piece)
      await target.finish()
      return { key: key.toString(), size, start, end }
    })
  } finally {
    await target.close()
  }
}

function fileIn(request: Readonly<Record<string, unknown>>): NamedFile {
  const path = pathIn(request)
  const { name = path } = request
  if (typeof name !== 'string') throw new DstoreError('usage', 'name must be a string')
  const identity = deviceAndInode(request)
  if (identity !== undefined) return { path, name, ...identity }
  throw new DstoreError('usage', 'the device and inode of the file are missing', {
    hint: 'give what `stat` says of the file, as decimal strings',
  })
}
