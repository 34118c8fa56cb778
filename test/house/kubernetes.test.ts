/** The manifests in packaging/kubernetes, against each other and against the commands they run. */
import { test } from '../serial.ts'
import { parseAllDocuments } from 'yaml'
import { COMMANDS } from '../../cli/commands.ts'
import type { Flags } from '../../cli/flags.ts'
import { parseFlags, splitCommand } from '../../cli/parse-flags.ts'
import { settingsFromFlags } from '../../cli/node-flags.ts'
import { read } from './tree.ts'

interface Container {
  readonly name: string
  readonly image: string
  readonly command?: readonly string[]
  readonly args?: readonly string[]
  readonly restartPolicy?: string
  readonly securityContext: {
    readonly runAsUser?: number
    readonly allowPrivilegeEscalation: boolean
    readonly readOnlyRootFilesystem: boolean
    readonly capabilities: { readonly drop: readonly string[] }
  }
  readonly volumeMounts: readonly Mount[]
}

interface Mount {
  readonly name: string
  readonly mountPath: string
  readonly readOnly?: boolean
}

interface Volume {
  readonly name: string
  readonly hostPath?: { readonly path: string; readonly type: string }
}

interface Workload {
  readonly kind: string
  readonly spec: {
    readonly selector: { readonly matchLabels: object }
    readonly template: {
      readonly metadata: { readonly labels: object }
      readonly spec: {
        readonly securityContext: {
          readonly runAsUser: number
          readonly runAsNonRoot: boolean
          readonly supplementalGroups?: readonly number[]
        }
        readonly initContainers: readonly Container[]
        readonly containers: readonly Container[]
        readonly volumes: readonly Volume[]
      }
    }
  }
}

function workload(path: string): Workload {
  const documents = parseAllDocuments(read(path), { merge: true })
  if (documents.length !== 1 || documents[0]!.errors.length > 0) throw new Error(path)
  return documents[0]!.toJS() as Workload
}

const node = workload('packaging/kubernetes/node.yaml')
const app = workload('packaging/kubernetes/app.yaml')
const nodePod = node.spec.template.spec
const appPod = app.spec.template.spec
const [daemon] = nodePod.containers as [Container]

/** The flags and arguments of a command line of dstore. */
function parsed(words: readonly string[]): { command: string; flags: Flags; rest: string[] } {
  const [command = '', ...args] = splitCommand(words)
  const { flags, positionals } = parseFlags(command, COMMANDS[command]!.flags, args)
  return { command, flags, rest: positionals }
}

const named = (containers: readonly Container[], name: string): Container =>
  containers.find((one) => one.name === name)!

/** The folder of the machine that a container sees at a path. */
function hostFolder(volumes: readonly Volume[], mount: Mount | undefined): string | undefined {
  return volumes.find(({ name }) => name === mount?.name)?.hostPath?.path
}

test('R007-377: the daemon of each machine is a Local with files, pins and a socket for a group', (t) => {
  t.is(node.kind, 'DaemonSet')
  const { command, flags } = parsed(daemon.args!)
  t.is(command, 'daemon')
  // Where to join is in the ticket.
  const { join: _, ...others } = flags
  t.notThrows(() => settingsFromFlags(others))
  t.regex(flags.join!, /^@\/run\/secrets\/dstore\/ticket$/)
  const secret = daemon.volumeMounts.find(({ name }) => name === 'ticket')
  t.deepEqual([secret?.mountPath, secret?.readOnly], ['/run/secrets/dstore', true])
  t.is(flags.pin?.length, 1)
  t.is(flags['socket-group'], 'dstore')
  t.regex(read('packaging/docker/Dockerfile'), /groupadd --gid 10001 dstore/)
  t.regex(read('packaging/docker/Dockerfile'), /ENV DSTORE_DIR=\/var\/lib\/dstore/)
  // What must outlive the pod lies on the machine.
  for (const path of ['/var/lib/dstore', flags['cache-dir']!, '/run/dstore']) {
    const mount = daemon.volumeMounts.find(({ mountPath }) => mountPath === path)
    t.is(hostFolder(nodePod.volumes, mount), path, path)
    t.true(named(nodePod.initContainers, 'folders').command!.includes(path), path)
  }
  t.is(flags.socket, '/run/dstore/dstore.sock')
})

test('R007-376: the program waits for the pin, and sees the files at the path of the daemon', (t) => {
  const { flags: given } = parsed(daemon.args!)
  const wait = parsed(named(appPod.initContainers, 'wait-for-pin').command!.slice(1))
  const hold = parsed(named(appPod.initContainers, 'hold-path').command!.slice(1))
  t.is(wait.command, 'pin')
  t.deepEqual(wait.rest, given.pin)
  t.is(hold.command, 'path')
  t.is(hold.rest[0], wait.rest[0]!)
  t.true(hold.rest.some((word) => word.includes('{}')))
  for (const { flags } of [wait, hold]) {
    t.is(flags.socket, given.socket)
    t.true(flags['no-start'])
  }
  t.is(named(appPod.initContainers, 'hold-path').restartPolicy, 'Always')
  const names = appPod.initContainers.map(({ name }) => name)
  t.deepEqual(names, ['wait-for-pin', 'hold-path'], 'in this order')
  for (const { name, volumeMounts } of [
    named(appPod.initContainers, 'hold-path'),
    ...appPod.containers,
  ]) {
    const cache = volumeMounts.find((mount) => mount.name === 'cache')
    t.deepEqual([cache?.mountPath, cache?.readOnly], [given['cache-dir'], true], name)
    t.is(hostFolder(appPod.volumes, cache), given['cache-dir'], name)
  }
})

test('no container of the manifests has more rights than it needs', (t) => {
  for (const { spec } of [node, app]) {
    const { securityContext, initContainers, containers } = spec.template.spec
    t.true(securityContext.runAsNonRoot)
    t.deepEqual(spec.selector.matchLabels, spec.template.metadata.labels)
    for (const { name, securityContext: own } of [...initContainers, ...containers]) {
      t.false(own.allowPrivilegeEscalation, name)
      t.true(own.readOnlyRootFilesystem, name)
      t.deepEqual(own.capabilities.drop, ['ALL'], name)
      t.is(own.runAsUser, name === 'folders' ? 0 : undefined, name)
    }
  }
  t.not(appPod.securityContext.runAsUser, nodePod.securityContext.runAsUser)
  t.deepEqual(appPod.securityContext.supplementalGroups, [10001], 'the group of the socket')
  for (const { volumeMounts } of [...appPod.initContainers, ...appPod.containers]) {
    for (const { name, readOnly } of volumeMounts) {
      if (name === 'cache' || name === 'socket') t.true(readOnly, name)
    }
  }
})
