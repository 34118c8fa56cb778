/** `dstore hf publish`: a folder as a revision of a repository (R010-60, R010-61). */
import { DstoreError } from '../../../src/errors.ts'
import { isCommit, nameOfRevision } from '../../../src/doors/hf/hf-repo.ts'
import type { Invocation } from '../../command.ts'
import { inspect } from '../../input/input.ts'
import { useDaemon } from '../../session.ts'
import { putFolder, readIgnoreFile } from '../../tree/put-folder.ts'
import { showPut } from '../names/moved.ts'
import { termsIn } from '../names/terms.ts'
import { targetIn } from './target.ts'
import { endpointIn, waysIn } from './ways-in.ts'

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
  const { flags, terminal, signal } = invocation
  const { repo, revision } = targetIn(target, flags.type)
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
  const ignore = await readIgnoreFile(flags['ignore-file'], signal, NEVER)
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
  if (!terminal.json) for (const line of waysIn(status, flags)) terminal.note(line)
  return 0
}
