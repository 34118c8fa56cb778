/** A daemon in this process with the door `hf`, over a store in memory. */
import type { ExecutionContext } from 'ava'
import type { Settings } from '../../../src/daemon/config/settings.ts'
import type { Answer } from '../../daemon/serving.ts'
import { jsonOf, tokenServing, type Sent, type TokenServing } from '../../daemon/http/tokens.ts'
import { putTree, type Tree } from '../../node/put-tree.ts'

export const bytes = (text: string): Uint8Array => Buffer.from(text)

export interface HfServing extends TokenServing {
  /** A request below `/hf`, with a reader's token. */
  readonly get: (path: string, sent?: Sent) => Promise<Answer>
  readonly head: (path: string, sent?: Sent) => Promise<Answer>
  readonly post: (path: string, sent?: Sent) => Promise<Answer>
  /** Binds a tag to a tree, or moves it; the commit and the key. */
  readonly publish: (name: string, tree: Tree) => Promise<{ commit: string; key: string }>
}

export async function hfServing(t: ExecutionContext, settings: Settings = {}): Promise<HfServing> {
  const serving = await tokenServing(t, 'standalone', { doors: ['hf'], ...settings })
  const call = serving.as((await serving.make({ role: 'reader', label: 'r' })).token)
  const { node } = serving
  return {
    ...serving,
    get: (path, sent) => call('GET', `/hf${path}`, sent),
    head: (path, sent) => call('HEAD', `/hf${path}`, sent),
    post: (path, sent) => call('POST', `/hf${path}`, sent),
    publish: async (name, tree) => {
      const { key } = await putTree(node, tree, name, { kind: 'tag' })
      return { commit: key.toHex().slice(0, 40), key: key.toString() }
    },
  }
}

/** The status, and what the client makes an exception of. */
export const codeOf = ({ status, headers }: Answer): string =>
  `${status} ${String(headers['x-error-code'] ?? '-')}`

export interface TreeLine {
  readonly type: string
  readonly path: string
  readonly size: number
  readonly oid: string
  readonly lastCommit?: { readonly id: string; readonly date: string }
}

export const pathsOf = (answer: Answer): string[] =>
  jsonOf<readonly TreeLine[]>(answer).map(({ path }) => path)
