/** A firewall at Global that drops each packet to the port of lanes, between two namespaces. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { test } from '../serial.ts'
import { BUNDLE, Place, type CommandOptions, type Owner } from '../cli/command.ts'
import { eventually } from '../eventually.ts'
import { Daemon, shared } from '../e2e/nodes.ts'

const HOST = '10.77.0.1'
const LANE_PORT = 4481

/** A network that a process holds, for as long as it lives. */
class Namespace {
  readonly #enter: readonly string[]
  readonly pid: number

  private constructor(pid: number) {
    this.pid = pid
    this.#enter = ['-t', String(pid), '-U', '-n', '--preserve-credentials']
  }

  /** A new one, of a new user or of that of another. Undefined if that is not permitted. */
  static async open(t: Owner, beside?: Namespace): Promise<Namespace | undefined> {
    const held = ['sh', '-c', 'echo held; exec sleep 1000']
    const child =
      beside === undefined
        ? spawn('unshare', ['-rn', ...held])
        : spawn('nsenter', [...beside.#enter, 'unshare', '-n', ...held])
    t.teardown(() => child.kill('SIGKILL'))
    child.on('error', () => undefined)
    const isHeld = await Promise.race([
      once(child.stdout, 'data').then(() => true),
      once(child, 'close').then(() => false),
    ]).catch(() => false)
    return isHeld ? new Namespace(child.pid!) : undefined
  }

  /** Runs commands of `ip`. True if all of them did what they should. */
  ip(...commands: readonly string[]): boolean {
    const script = commands.map((command) => `ip ${command}`).join('\n')
    return spawnSync('nsenter', [...this.#enter, 'sh', '-ec', script]).status === 0
  }

  place(t: Owner): Place {
    const enter = this.#enter
    return new (class extends Place {
      override start(args: readonly string[], { env }: CommandOptions = {}): ChildProcess {
        return spawn('nsenter', [...enter, process.execPath, BUNDLE, ...args], {
          cwd: this.path,
          env: this.env(env),
          stdio: 'pipe',
        })
      }
    })(t)
  }
}

/** The namespaces of Global and of Locals, joined by a cable. */
async function cabled(t: Owner): Promise<{ near: Namespace; far: Namespace } | undefined> {
  const far = await Namespace.open(t)
  const near = far && (await Namespace.open(t, far))
  if (far === undefined || near === undefined) return undefined
  const isUp =
    far.ip(
      `link add name cable type veth peer name cable netns ${near.pid}`,
      `addr add ${HOST}/24 dev cable`,
      'link set cable up',
      'link set lo up',
      // Packets that arrive for this machine are looked up, too, and no rule precedes this one.
      'rule add pref 10 lookup local',
      `rule add pref 5 ipproto tcp dport ${LANE_PORT} blackhole`,
      'rule del pref 0',
    ) && near.ip('addr add 10.77.0.2/24 dev cable', 'link set cable up', 'link set lo up')
  return isUp ? { near, far } : undefined
}

const fixture = shared(async (owner) => {
  const cable = await cabled(owner)
  if (cable === undefined) return undefined
  const { near, far } = cable
  const listen = ['--listen', `/ip4/${HOST}/tcp/${LANE_PORT - 1}`]
  const global = await Daemon.start(owner, ['--global', ...listen], far.place(owner))
  return { owner, near, far, global }
})

/** How long the first byte of a value takes, and its end, in milliseconds. */
async function got(node: Daemon, key: string): Promise<number> {
  return node.ask(async (client) => {
    const began = performance.now()
    const { bytes } = await client.get(key)
    let firstMs: number | undefined
    for await (const _ of bytes) firstMs ??= performance.now() - began
    return firstMs!
  })
}

async function put(node: Daemon, bytes: Uint8Array): Promise<{ key: string; ms: number }> {
  const began = performance.now()
  const { stdout, stderr } = await node.run(['put', '-'], bytes)
  const key = stdout.toString().trim()
  if (key === '') throw new Error(stderr)
  return { key, ms: performance.now() - began }
}

test('R003-121 R007-123 where packets to the port of lanes are dropped, nothing waits, and status says why', async (t) => {
  const made = await fixture()
  if (made === undefined) {
    t.log('no namespaces here: not tried')
    t.pass()
    return
  }
  const { owner, near, far, global } = made
  const value = Buffer.alloc(3 << 20, 'dropped')
  const { key } = await put(global, value)
  const blocked = await Daemon.join(owner, global, [], near.place(owner))
  const [get, send] = [await got(blocked, key), await put(blocked, value.subarray(1))]
  const line = /^bulk +over the encrypted stream; lane port 4481 did not answer$/m
  const text = async (node: Daemon): Promise<string> =>
    (await node.run(['status'])).stdout.toString()
  await eventually(async () => line.test(await text(blocked)))
  t.is((await blocked.status()).global!.laneFault, 'lane port 4481 did not answer')

  t.true(far.ip('rule del pref 5'))
  const open = await Daemon.join(owner, global, [], near.place(owner))
  const [openGet, openSend] = [await got(open, key), await put(open, value.subarray(2))]
  t.log(
    `get ${get.toFixed(0)} ms (${openGet.toFixed(0)} ms), put ${send.ms.toFixed(0)} ms (${openSend.ms.toFixed(0)} ms)`,
  )
  t.true(get < openGet + 2000, `${get} ms`)
  t.true(send.ms < openSend.ms + 2000, `${send.ms} ms`)
  t.notRegex(await text(open), /^bulk +over/m)
  t.is((await open.status()).global!.laneFault, undefined)
})
