/** Checks of the state directory and its settings (R007-134). No I/O. */
import type { Facts, DirectoryFacts } from './facts.ts'
import { roleOf, settingsOf } from './facts.ts'
import type { Finding, Report } from './finding.ts'
import { reportOn } from './finding.ts'
import { octal, quoted } from './words.ts'

const report = reportOn('directory')

/** Files of which one at least is in every state directory. */
const OWN = /^(daemon\.lock|daemon\.log|config\.json|identity\.key|store-v\d+)$/

/** Files that only their owner may read: the daemon refuses others. */
const SECRETS = new Set(['identity.key', 'http-token', 'tokens.json'])

export function checkDirectory(facts: Facts): readonly Finding[] {
  const { directory, path } = facts
  if ('why' in directory) return [report.unknown(directory.why)]
  switch (directory.value.state) {
    case 'missing':
      return [
        report.note(
          'directory-missing',
          `there is no state directory at ${path}: nothing is stored here yet`,
          'the first command creates it, such as `dstore put FILE`; or name another with --dir DIR',
        ),
      ]
    case 'no directory': {
      const { file } = directory.value
      return [
        report.problem(
          'directory-not-a-directory',
          file === path
            ? `the state directory ${path} is not a directory`
            : `the state directory cannot be ${path}: ${file} is not a directory`,
          `move it away: \`mv ${quoted(file)} ${quoted(`${file}.old`)}\`; or name another with --dir DIR`,
        ),
      ]
    }
    case 'denied':
      return [foreign(facts, directory.value.owner)]
    case 'there': {
      const found = faults(facts, directory.value)
      return found.length > 0 ? found : [report.ok(summary(facts, directory.value))]
    }
  }
}

type There = DirectoryFacts & { readonly state: 'there' }

function faults(facts: Facts, there: There): readonly Finding[] {
  const { path, uid } = facts
  const { mode, entries, unwritable } = there
  const found: Finding[] = []
  if (uid !== undefined && there.uid !== uid) found.push(foreign(facts, there.uid))
  else if (unwritable === 'EACCES' || unwritable === 'EPERM') {
    found.push(
      report.problem(
        'directory-unwritable',
        `you may not write to ${path}, which is yours (mode ${octal(mode)})`,
        `\`chmod 700 ${quoted(path)}\``,
      ),
    )
  }
  found.push(...openness(facts, there))
  const others = entries.filter((entry) => uid !== undefined && entry.uid !== uid)
  if (others.length > 0 && there.uid === uid) {
    const names = listed(others.map(({ name, uid: owner }) => `${name} (user ${owner})`))
    found.push(
      report.problem(
        'files-foreign',
        `files in ${path} belong to other users: ${names}`,
        `\`sudo chown -R ${uid} ${quoted(path)}\``,
      ),
    )
  }
  const open = entries.filter((entry) => SECRETS.has(entry.name) && (entry.mode & 0o077) !== 0)
  for (const { name, mode: bits } of open) {
    found.push(
      report.problem(
        'secret-open',
        `other users can read ${name}, which is secret (mode ${octal(bits)})`,
        `\`chmod 600 ${quoted(`${path}/${name}`)}\``,
      ),
    )
  }
  return found
}

function openness(facts: Facts, { mode, entries }: There): readonly Finding[] {
  const { path } = facts
  const isOurs = entries.length === 0 || entries.some(({ name }) => OWN.test(name))
  if ((mode & 0o022) !== 0) {
    return [
      report.problem(
        'directory-open',
        `other users may write to ${path} (mode ${octal(mode)}), so that no daemon starts in it`,
        `\`chmod 700 ${quoted(path)}\``,
      ),
    ]
  }
  if (!isOurs) {
    return [
      report.warning(
        'directory-strange',
        `${path} has files, but none of a dstore node`,
        'name the state directory of your node with --dir DIR or DSTORE_DIR',
      ),
    ]
  }
  const { socketGroup = 'none' } = settingsOf(facts)
  const allowed = socketGroup === 'none' ? 0o700 : 0o750
  if (entries.length === 0 || (mode & 0o777 & ~allowed) === 0) return []
  return [
    report.warning(
      'directory-readable',
      `other users may look into ${path} (mode ${octal(mode)})`,
      `\`chmod 700 ${quoted(path)}\`; the next start does it, too`,
    ),
  ]
}

function foreign({ path, uid }: Facts, owner: number | undefined): Finding {
  const whose = owner === undefined ? '' : `: it belongs to user ${owner}, and you are user ${uid}`
  const why =
    owner === uid ? ', though it is yours: its mode, or a folder above it, denies it' : whose
  return report.problem(
    owner === uid ? 'directory-denied' : 'directory-foreign',
    `you may not use ${path}${why}`,
    owner === uid
      ? `\`chmod 700 ${quoted(path)}\``
      : `\`sudo chown -R ${uid} ${quoted(path)}\` if it is yours; else name your own with --dir DIR`,
  )
}

function summary(facts: Facts, { mode, entries }: There): string {
  const role = roleOf(facts)
  const what = entries.length === 0 ? 'empty' : role === undefined ? 'in use' : `a ${role} node`
  return `${facts.path}, mode ${octal(mode)}, ${what}`
}

function listed(names: readonly string[]): string {
  const more = names.length - 3
  return names.slice(0, 3).join(', ') + (more > 0 ? ` and ${more} more` : '')
}

export function checkSettings({ settings, directory, path }: Facts): readonly Finding[] {
  const on: Report = reportOn('settings')
  if ('value' in settings) return []
  if ('why' in directory) return [on.unknown(settings.why)]
  // Without a directory there is nothing to read.
  if (directory.value.state !== 'there') return []
  return [
    on.problem(
      'settings-broken',
      `the saved settings cannot be used: ${settings.why}`,
      `fix ${path}/config.json, or delete it and give the flags to \`dstore start\` again`,
    ),
  ]
}
