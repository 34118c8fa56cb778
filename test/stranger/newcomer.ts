/** A walk from end to end: its package, its machines, and why it cannot be done here. */
import type { Owner } from '../cli/command.ts'
import type { Machine } from './machine.ts'
import { folderOfNode, folderOfNpm, packageFrom, whyOffline } from './packed.ts'
import { plainMachines } from './plain.ts'
import { sealedMachines } from './sealed.ts'
import type { Step } from './steps.ts'
import { walk, type Walk } from './walk.ts'
import { freePort } from '../free-port.ts'

export interface Wish {
  /** `npm`, `self-contained`, or a path: see `packageFrom`. */
  readonly from: string
  /** Two folders of this machine, even where namespaces can be made. */
  readonly isPlain?: boolean
}

export type Outcome = { readonly walk: Walk; readonly title: string } | { readonly why: string }

export async function newcomer(
  t: Owner,
  { from, isPlain = false }: Wish,
  watch: (step: Step) => void,
): Promise<Outcome> {
  const what = await packageFrom(t, from)
  const tools = what.needsNode
    ? { node: folderOfNode(), npm: folderOfNpm() }
    : { node: undefined, npm: [] }
  // Whatever the umask, files that others are not to read are not readable.
  const equipment = [
    { ...tools, umask: '022' },
    { ...tools, umask: '077' },
  ] as const
  const sealed = isPlain ? undefined : await sealedMachines(t, equipment)
  const [first, second]: readonly [Machine, Machine] = sealed ?? plainMachines(t, equipment)
  const why = what.needsNode ? await whyOffline(first) : undefined
  if (why !== undefined) return { why }
  const port = first.isSealed ? 4480 : await freePort()
  const on = first.isSealed
    ? 'two machines in namespaces'
    : 'two folders and loopback (no namespaces here)'
  const walked = await walk({ first, second, what, port }, watch)
  const node = what.needsNode ? `Node ${process.version}` : 'no Node'
  return { walk: walked, title: `${what.title}, ${node}, ${on}` }
}
