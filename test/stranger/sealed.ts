/**
 * Two machines in namespaces of their own, joined by a cable. The root file system of each is that
 * of this machine below a layer that keeps every change. Needs root, and Linux.
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Owner } from '../cli/command.ts'
import { ROOT } from '../house/tree.ts'
import { environment, leavesOf, linesOf, socketsIn, timed } from './machine.ts'
import type { Equipment, Left, Machine, Ran } from './machine.ts'

const HOME = '/srv/stranger'
const USER = 1000

/** Where the changes to the root file system show, inside of it. */
const CHANGES = '/mnt/changes'

/** Where the folder of Node shows, which its user might not reach where it is. */
const NODE = '/mnt/node'

/** Folders in memory that are empty at first, outside of the root file system. */
const EMPTY = ['/tmp', '/var/tmp', '/dev/shm', '/run'] as const

/**
 * Run in new namespaces. `$1` is an empty folder, `$2` the clone, which is hidden, `$3` the folder
 * of Node. Prints its process id, as others see it, and then only reaps the processes that lost
 * their parents, until its input ends, as it does with the process that started it.
 */
const SETUP = `
set -e
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
cd "$1/root"
mkdir -p mnt/changes mnt/node srv/stranger old
mount --bind "$1/upper" mnt/changes
mount --bind "$3" mnt/node
mount --rbind /sys sys
mount --rbind /dev dev
for folder in ${EMPTY.join(' ')}; do mount -t tmpfs -o mode=1777 tmpfs ".$folder"; done
for file in /etc/resolv.conf /etc/hosts; do
  cat "$file" > "$1/file"
  # It may be a link, or another file system.
  rm -f ".$file"
  cat "$1/file" > ".$file"
done
if [ -d ".$2" ]; then mount -t tmpfs -o ro tmpfs ".$2"; fi
chown ${USER}:${USER} srv/stranger
pivot_root . old
mount -t proc proc /proc
read -r pid rest < /old/proc/self/stat
umount -l /old
rmdir /old
echo "$pid"
exec 3<&0
cat <&3 > /dev/null &
wait
`

/** Two machines, or undefined where namespaces and layers of file systems are not permitted. */
export async function sealedMachines(
  t: Owner,
  equipment: readonly [Equipment, Equipment],
): Promise<[Machine, Machine] | undefined> {
  if (process.platform !== 'linux' || process.getuid!() !== 0) return undefined
  const first = await Sealed.open(t, 'A', '10.77.1.1', equipment[0])
  const second = first && (await Sealed.open(t, 'B', '10.77.1.2', equipment[1]))
  if (first === undefined || second === undefined) return undefined
  const isJoined =
    first.ip(`link add name cable type veth peer name cable netns ${second.pid}`) &&
    [first, second].every((one) =>
      one.ip(`addr add ${one.address}/24 dev cable`, 'link set cable up', 'link set lo up'),
    )
  return isJoined ? [first, second] : undefined
}

class Sealed implements Machine {
  readonly isSealed = true
  readonly home: string = HOME
  readonly name: string
  readonly address: string
  readonly pid: number
  readonly #env: Record<string, string>
  readonly #umask: string
  #before: ReadonlySet<string> = new Set()

  private constructor(pid: number, name: string, address: string, { node, npm, umask }: Equipment) {
    this.pid = pid
    this.name = name
    this.address = address
    this.#env = environment(HOME, [
      ...(node === undefined ? [] : [NODE]),
      ...npm,
      '/usr/bin',
      '/bin',
    ])
    this.#umask = umask
  }

  static async open(
    t: Owner,
    name: string,
    address: string,
    equipment: Equipment,
  ): Promise<Sealed | undefined> {
    const base = mkdtempSync(join(tmpdir(), 'dstore-stranger-'))
    t.teardown(() => rmSync(base, { recursive: true, force: true }))
    const spaces = ['--mount', '--net', '--pid', '--ipc', '--fork', '--kill-child']
    const child = spawn(
      'unshare',
      [...spaces, 'sh', '-c', SETUP, 'sh', base, ROOT, equipment.node ?? base],
      {
        stdio: ['pipe', 'pipe', 'ignore'],
      },
    )
    const closed = once(child, 'close').catch(() => undefined)
    child.stdin.on('error', () => undefined)
    // Its end is that of every process in it, and of its file systems.
    t.teardown(async () => {
      child.kill('SIGKILL')
      await closed
    })
    const line = await Promise.race([once(child.stdout, 'data'), closed.then(() => undefined)])
    const pid = Number(String(line?.[0] ?? ''))
    if (!(pid > 0)) return undefined
    const machine = new Sealed(pid, name, address, equipment)
    if (equipment.node === undefined) machine.#removeNode()
    machine.#before = new Set(machine.#changed())
    return machine
  }

  run(command: string, { online = false } = {}): Promise<Ran> {
    const user = ['setpriv', `--reuid=${USER}`, `--regid=${USER}`, '--clear-groups']
    const shell = ['sh', '-c', `umask ${this.#umask}; cd; ${command}`]
    const enter = this.#enter(!online)
    return timed(enter[0]!, [...enter.slice(1), ...user, ...shell], this.#env)
  }

  // oxlint-disable-next-line typescript/require-await -- as the interface has it
  async write(path: string, bytes: Uint8Array): Promise<void> {
    const target = `/proc/${this.pid}/root${HOME}/${path}`
    writeFileSync(target, bytes)
    chownSync(target, USER, USER)
    this.#before = new Set([...this.#before, `${HOME}/${path}`])
  }

  // oxlint-disable-next-line typescript/require-await -- as the interface has it
  async left(): Promise<Left> {
    return {
      paths: this.#changed().filter((path) => !this.#before.has(path)),
      processes: this.#processes(),
      sockets: this.#sockets(),
    }
  }

  /** Runs commands of `ip`. True if all of them did what they should. */
  ip(...commands: readonly string[]): boolean {
    const script = commands.map((command) => `ip ${command}`).join('\n')
    // Only the network: process ids are those of this machine, which name the other one.
    return spawnSync('nsenter', [`--target=${this.pid}`, '--net', 'sh', '-ec', script]).status === 0
  }

  #enter(isApart: boolean): string[] {
    const network = isApart ? ['--net'] : []
    return ['nsenter', `--target=${this.pid}`, '--mount', '--pid', '--ipc', ...network, '--']
  }

  #asRoot(script: string): { status: number | null; stdout: string } {
    const enter = this.#enter(true)
    const options = { encoding: 'utf8', env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' } } as const
    return spawnSync(enter[0]!, [...enter.slice(1), 'sh', '-ec', script], options)
  }

  /** So that not even `/usr/bin/node` starts anything. */
  #removeNode(): void {
    const names = ['node', 'nodejs', 'npm', 'npx', 'corepack'].join(' ')
    this.#asRoot(`for name in ${names}; do rm -f "/usr/bin/$name" "/usr/local/bin/$name"; done`)
  }

  /** Every file that was made or changed, and every new folder without anything below it. */
  #changed(): string[] {
    const root = `/proc/${this.pid}/root`
    return [
      ...leavesOf(root + CHANGES).map((path) => `/${path}`),
      ...EMPTY.flatMap((folder) => leavesOf(root + folder).map((path) => `${folder}/${path}`)),
    ].toSorted()
  }

  #processes(): string[] {
    const { stdout } = this.#asRoot(
      `for one in /proc/[0-9]*; do
        read -r stat < $one/stat 2> /dev/null || continue
        case $stat in *") Z "*) continue;; esac
        [ $one = /proc/1 ] || [ $one = /proc/$$ ] || { tr '\\0' ' ' < $one/cmdline; echo; }
      done 2> /dev/null || :`,
    )
    return linesOf(stdout)
      .map((line) => line.trim())
      .filter((line) => line !== '' && line !== 'cat')
  }

  #sockets(): string[] {
    const { stdout } = this.#asRoot('cat /proc/net/unix; cat /proc/net/tcp /proc/net/tcp6')
    const lines = linesOf(stdout)
    const unix = socketsIn(lines)
    const ports = lines.flatMap((line) => {
      const [, hex] = /^ *\d+: \w+:(\w{4}) \w+:\w+ 0A /.exec(line) ?? []
      return hex === undefined ? [] : [`tcp ${parseInt(hex, 16)}`]
    })
    return [...unix, ...ports]
  }
}
