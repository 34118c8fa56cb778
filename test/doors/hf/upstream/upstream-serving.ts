/** A daemon in this process whose door `hf` reads through an imitation. */
import type { ExecutionContext } from 'ava'
import type { Settings } from '../../../../src/daemon/config/settings.ts'
import type { Answer } from '../../../daemon/serving.ts'
import { tokenServing, type Sent, type TokenServing } from '../../../daemon/http/tokens.ts'
import { Imitation } from './imitation.ts'

export interface UpstreamServing extends TokenServing {
  readonly upstream: Imitation
  /** A request below `/hf`, with a reader's token. */
  readonly get: (path: string, sent?: Sent) => Promise<Answer>
  readonly head: (path: string, sent?: Sent) => Promise<Answer>
  /** The names that begin with this, as they are stored. */
  readonly names: (prefix?: string) => Promise<string[]>
}

export async function upstreamServing(
  t: ExecutionContext,
  { token = '', settings = {} }: { token?: string; settings?: Settings } = {},
): Promise<UpstreamServing> {
  const upstream = await Imitation.start(t)
  process.env['DSTORE_HF_UPSTREAM_TOKEN'] = token
  const wanted = { doors: ['hf'], hfUpstream: upstream.url, ...settings }
  const serving = await tokenServing(t, 'standalone', wanted)
  delete process.env['DSTORE_HF_UPSTREAM_TOKEN']
  const call = serving.as((await serving.make({ role: 'reader', label: 'r' })).token)
  return {
    ...serving,
    upstream,
    get: (path, sent) => call('GET', `/hf${path}`, sent),
    head: (path, sent) => call('HEAD', `/hf${path}`, sent),
    names: async (prefix = 'hf/') => {
      const names: string[] = []
      for await (const { name } of serving.node.index.names(prefix)) names.push(name)
      return names
    },
  }
}
