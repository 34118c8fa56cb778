/** A daemon whose door for browsing and mounting is open, with some names and a directory. */
import type { ExecutionContext } from 'ava'
import { once } from '../../../src/bytes.ts'
import type { Key } from '../../../src/hash/key.ts'
import type { ServedNode } from '../../../src/node/node.ts'
import { ask, type Answer } from '../../daemon/serving.ts'
import { treeServing } from '../../daemon/tree-serving.ts'
import { putTree, type Tree } from '../../node/put-tree.ts'

export const bytes = (text: string): Uint8Array => Buffer.from(text)

export const TREE: Tree = {
  'a b.txt': bytes('text'),
  'run.sh': bytes('#!/bin/sh\n'),
  'page.html': bytes('<script>1</script>'),
  'ü #%?&<">.svg': bytes('<svg/>'),
  'line\nend': bytes('n'),
  link: 'sub/deep/f',
  out: '../run.sh',
  up: '../../etc/passwd',
  root: '/etc/passwd',
  gone: 'none',
  circle: 'circle',
  folder: 'sub',
  sub: { deep: { f: bytes('deep'), 'out of': '../../link', above: '../../../run.sh' } },
}

export interface DavServing {
  readonly node: ServedNode
  readonly socket: string
  readonly root: Key
  readonly send: (method: string, path: string, sent?: Sent) => Promise<Answer>
  /** PROPFIND, with depth 1 unless a header says another. */
  readonly find: (path: string, body?: string, depth?: string) => Promise<Answer>
}

export interface Sent {
  readonly headers?: Record<string, string>
  readonly body?: string | Uint8Array
}

export async function davServing(t: ExecutionContext): Promise<DavServing> {
  const { daemon, node } = await treeServing(t, { doors: ['dav'] })
  const { key } = await putTree(node, TREE, 'models/m v1')
  for (const name of [
    'a',
    'a/b',
    'a-x',
    'a.b/c',
    'odd//x',
    'odd/./y',
    'odd/ok',
    '/first',
    'last/',
  ]) {
    await node.put({ bytes: once(bytes(`value of ${name}`)) }, { name })
  }
  const send: DavServing['send'] = (method, path, sent) => ask(daemon.socket, method, path, sent)
  return {
    node,
    socket: daemon.socket,
    root: key,
    send,
    find: (path, body, depth = '1') =>
      send('PROPFIND', path, { headers: { depth }, ...(body !== undefined && { body }) }),
  }
}

/** The paths that a document has. */
export const hrefsOf = ({ body }: Answer): string[] =>
  [...body.toString().matchAll(/<D:href>([^<]*)<\/D:href>/g)].map(([, href]) => href!)

/** The element of the response for a path. */
export function responseFor({ body }: Answer, href: string): string {
  const found = body
    .toString()
    .split('<D:response>')
    .find((one) => one.startsWith(`<D:href>${href}</D:href>`))
  if (found === undefined) throw new Error(`no response for ${href}`)
  return found
}

/** The links of a page. */
export const linksOf = ({ body }: Answer): string[] =>
  [...body.toString().matchAll(/<a href="([^"]*)">/g)].map(([, link]) => link!)
