/** Requests of the go command, as it writes them. */
import { createHash } from 'node:crypto'

export const sha256 = (bytes: Uint8Array | string): string =>
  createHash('sha256').update(bytes).digest('hex')

const base64 = (hex: string): string => Buffer.from(hex, 'hex').toString('base64')

export const getRequest = (id: number, action: string): string =>
  `${JSON.stringify({ ID: id, Command: 'get', ActionID: base64(action) })}\n\n`

export const closeRequest = (id: number): string =>
  `${JSON.stringify({ ID: id, Command: 'close' })}\n\n`

export function putRequest(
  id: number,
  action: string,
  body: Uint8Array,
  output: string = sha256(body),
): string {
  const fields = { ID: id, Command: 'put', ActionID: base64(action), OutputID: base64(output) }
  if (body.byteLength === 0) return `${JSON.stringify(fields)}\n\n`
  const head = JSON.stringify({ ...fields, BodySize: body.byteLength })
  return `${head}\n\n"${Buffer.from(body).toString('base64')}"\n`
}
