/** `dstore hf publish`: a folder as a revision of a repository (R010-60, R010-61). */
import { DstoreError } from '../../../src/errors.ts'
import type { StatusAnswer } from '../../../src/daemon/api/api.ts'
import { HF_KINDS, isCommit, nameOfRevision, type HfRepo } from '../../../src/doors/hf/hf-repo.ts'
import { DEFAULT_REVISION, faultOfId, faultOfRevision } from '../../../src/doors/hf/hf-repo.ts'
import type { Invocation } from '../../command.ts'
import { inspect } from '../../input/input.ts'
import { useDaemon } from '../../session.ts'
import { putFolder, readIgnoreFile } from '../../tree/put-folder.ts'
import { showPut } from '../names/moved.ts'
import { termsIn } from '../names/terms.ts'

/** What a repository does not have, as in uploads by Hugging Face's own client. */
const NEVER = '.git\n.cache/huggingface/\n'

export async function hf(invocation: Invocation): Promise<number> {
  const [action, ...rest] = invocation.positionals
  if (action === 'publish' && rest.length === 2) {
    const [folder, target] = rest as [string, string]
    return publish(invocation, folder, target)
  }
  throw new DstoreError('usage', 'hf takes publish DIR [ORG/]NAME[@REV]', {
    hint: 'see `dstore hf --help`',
  })
}

async function publish(invocation: Invocation, folder: string, target: string): Promise<number> {
  const { flags, terminal } = invocation
  const { repo, revision } = revisionIn(target, flags.type)
  const name = nameOfRevision(repo, revision)
  // A commit never changes: clients do not ask again what it is.
  const isFixed = isCommit(revision)
  if (isFixed && flags.keep !== undefined) {
    throw new DstoreError('usage', '--keep is for a revision that moves, which no commit does')
  }
  const naming = { ...(!isFixed && { kind: 'tag' as const }), ...termsIn(flags) }
  if (inspect(folder, { folders: true })?.isDirectory() !== true) {
    throw new DstoreError('usage', `${folder} is no folder: a repository is one`)
  }
  const ignore = await readIgnoreFile(flags['ignore-file'], NEVER)
  const client = await useDaemon(invocation)
  // Its clients know no links.
  const following = { ...invocation, flags: { ...flags, follow: true } }
  const answer = await putFolder(following, client, { folder, name, naming, ignore })
  const status = await client.status()
  const endpoint = endpointIn(status)
  const fact = {
    file: folder,
    ...answer,
    name,
    id: repo.id,
    type: repo.kind.slice(0, -1),
    revision,
    ...(endpoint !== undefined && { endpoint }),
  }
  await terminal.printFact(fact, answer.key)
  await showPut(invocation, client, { name, naming }, answer)
  if (!terminal.json) for (const line of waysIn(status, endpoint)) terminal.note(line)
  return 0
}

/** The repository and revision in `[ORG/]NAME[@REV]`. Throws `usage` for what is never served. */
function revisionIn(
  target: string,
  type: string = 'model',
): { readonly repo: HfRepo; readonly revision: string } {
  const kind = HF_KINDS.find((one) => one === `${type}s`)
  if (kind === undefined) {
    throw new DstoreError('usage', `no such type of a repository: ${type}`, {
      hint: 'write model, dataset or space',
    })
  }
  const at = target.indexOf('@')
  const repo = { kind, id: at === -1 ? target : target.slice(0, at) }
  const fault = faultOfId(repo.id)
  if (fault !== undefined) {
    const prefix = /^(dataset|space)s\//.exec(repo.id)?.[1]
    throw new DstoreError('usage', `not the id of a repository: ${repo.id}: ${fault}`, {
      ...(prefix !== undefined && { hint: `write ORG/NAME, and --type ${prefix}` }),
    })
  }
  const revision = at === -1 ? DEFAULT_REVISION : target.slice(at + 1)
  const wrong = faultOfRevision(repo, revision)
  if (wrong === undefined) return { repo, revision }
  throw new DstoreError('usage', `not a revision: ${revision}: ${wrong}`)
}

/** Where clients reach this node; undefined if they do not. */
function endpointIn({ daemon }: StatusAnswer): string | undefined {
  const isOpen = daemon.doors?.includes('/hf') === true
  return isOpen && daemon.http !== undefined ? `${daemon.http.url}/hf` : undefined
}

/** The lines that switch a client on, or what this node lacks for it. */
function waysIn({ daemon }: StatusAnswer, endpoint: string | undefined): readonly string[] {
  if (endpoint === undefined) {
    const flags = [
      ...(daemon.doors?.includes('/hf') === true ? [] : ['--door hf']),
      ...(daemon.http === undefined ? ['--http HOST:PORT'] : []),
    ]
    return [`no client reaches it by this node: dstore stop; dstore start ${flags.join(' ')}`]
  }
  return [
    `export HF_ENDPOINT=${endpoint}`,
    ...(daemon.http?.public === true
      ? []
      : ['export HF_TOKEN=... (a token of a reader: dstore token add --role reader)']),
  ]
}
