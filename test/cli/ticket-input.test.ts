/** Where a node is to join: tickets are secrets, and no input is read without bound. */
import { test } from '../serial.ts'
import type { ExecutionContext } from 'ava'
import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { readDestination, type Destination } from '../../cli/input/ticket-input.ts'
import { nodeParameters, pathParameters } from '../../cli/node-flags.ts'
import type { Terminal } from '../../cli/terminal/terminal.ts'
import { formatTicket } from '../../src/membership/ticket.ts'
import { temporaryDirectory } from '../daemon/serving.ts'

const PEER = '12D3KooWPjceQrSwdWXPyLLeABRXmuqt69Rg3sBYbU1Nft9HyQ6X'
const ADDRESS = '/ip4/127.0.0.1/tcp/4480'
const TICKET = formatTicket({
  peer: PEER,
  addresses: [ADDRESS],
  secret: new Uint8Array(32).fill(7),
})

/** Read a destination from a file with this content, or from an argument; count the warnings. */
async function read(
  t: ExecutionContext,
  { file, argument = '' }: { readonly file?: string; readonly argument?: string },
): Promise<{ readonly found: Destination; readonly warnings: number }> {
  const path = join(temporaryDirectory(t), 'ticket')
  if (file !== undefined) writeFileSync(path, file)
  let warnings = 0
  const note = (): void => void warnings++
  const terminal = { note } as Partial<Terminal> as Terminal
  const found = await readDestination(file === undefined ? argument : `@${path}`, terminal)
  return { found, warnings }
}

test('R007-90 a ticket is read from a file; as an argument it works, with a warning', async (t) => {
  for (const file of [TICKET, `${TICKET}\n`, `\n  ${TICKET} \r\nmore\n`]) {
    const { found, warnings } = await read(t, { file })
    t.is(found.text, TICKET)
    t.is(found.ticket?.peer, PEER)
    t.is(warnings, 0)
  }
  const { found, warnings } = await read(t, { argument: TICKET })
  t.is(found.text, TICKET)
  t.is(warnings, 1)
  const address = `${ADDRESS}/p2p/${PEER}`
  for (const source of [{ argument: address }, { file: `${address}\n` }]) {
    t.deepEqual(await read(t, source), { found: { text: address, ticket: undefined }, warnings: 0 })
  }
})

test('R007-90 a ticket may be folded, quoted, in upper case, and after other words', async (t) => {
  const folds = [7, 20, 76, 80].map((width) =>
    TICKET.match(new RegExp(`.{1,${width}}`, 'g'))!.join('\n'),
  )
  const quoted = folds.map((fold) => `> ${fold.replaceAll('\n', '\n> ')}\n`)
  const others = [`"${TICKET}"`, `ticket: ${TICKET}.\n`, `$ dstore invite\n${TICKET}\nfor 1 node\n`]
  for (const file of [...folds, ...quoted, ...others, TICKET.toUpperCase(), `\uFEFF${TICKET}`]) {
    const { found } = await read(t, { file })
    t.is(found.text, TICKET)
    t.is(found.ticket?.peer, PEER)
  }
  t.is((await read(t, { argument: ` '${TICKET.toUpperCase()}'` })).found.text, TICKET)
})

test('R007-90 a file without its @ is recognised', async (t) => {
  const path = join(temporaryDirectory(t), 'ticket')
  writeFileSync(path, TICKET)
  const fault = await t.throwsAsync(read(t, { argument: path }), { code: 'malformed-address' })
  t.is(
    (fault as unknown as { hint: string }).hint,
    `did you mean @${path}, the ticket in that file?`,
  )
})

test('R007-90 no error quotes a file: its text may be a damaged ticket', async (t) => {
  const secret = TICKET.slice(9, 40)
  for (const file of [
    TICKET.slice(0, 40),
    `x${TICKET.slice(1)}`,
    TICKET.slice(7),
    `${TICKET}x`,
    secret,
  ]) {
    const fault = await t.throwsAsync(read(t, { file }), { code: 'usage' })
    const { message, hint = '' } = fault as Error & { hint?: string }
    t.false(`${message}${hint}`.includes(secret), message)
  }
  await t.throwsAsync(read(t, { argument: '@/no/such/file' }), {
    code: 'unreadable',
    message: 'cannot read @/no/such/file: no such file',
  })
})

test('R007-90 a file without a line end is read only as far as a ticket may reach', async (t) => {
  await t.throwsAsync(read(t, { argument: '@/dev/zero' }), { code: 'usage' })
})

test('R007-90 a daemon in the background gets no ticket among its parameters', (t) => {
  t.deepEqual(
    nodeParameters({ join: TICKET, cache: '64MiB', listen: [ADDRESS], 'no-start': true }),
    ['--join=-', `--listen=${ADDRESS}`, '--cache=64MiB'],
  )
})

test('R007-337 a daemon in the background is given absolute paths, whatever names the files', (t) => {
  const [cert, key] = [resolve('c.pem'), resolve('k.pem')]
  const flags = { http: '1', 'http-cert': 'c.pem', 'http-key': './k.pem' }
  const parameters = nodeParameters(flags)
  t.deepEqual(parameters, ['--http=1', `--http-cert=${cert}`, `--http-key=${key}`])
  t.deepEqual(nodeParameters({ 'http-cert': 'none' }), ['--http-cert=none'])
  const variables = { DSTORE_HTTP_CERT: 'c.pem', DSTORE_HTTP_KEY: 'k.pem' }
  t.deepEqual(pathParameters([], variables), [`--http-cert=${cert}`, `--http-key=${key}`])
  t.deepEqual(pathParameters([], { DSTORE_HTTP_KEY: 'none' }), ['--http-key=none'])
  // A flag overrides its variable, and an empty variable is none.
  t.deepEqual(pathParameters(parameters, variables), [])
  t.deepEqual(pathParameters([], { DSTORE_HTTP_CERT: '' }), [])
})
