/**
 * Members of Global: who they are, and tickets that invite more.
 * @module
 */
import { ask, call } from '../../api/client.js'
import { partOf } from '../../api/paths.js'
import { may } from '../../api/session.js'
import { now } from '../../core/clock.js'
import { formatAgo, parseDuration, plural } from '../../core/format.js'
import { ago } from '../../parts/ages.js'
import { copyBlock, copyButton, peerText } from '../../parts/copy.js'
import { askFor, showOnce, typedField } from '../../parts/dialog.js'
import { button, h, mark } from '../../parts/dom.js'
import { say } from '../../parts/notices.js'
import { MACHINE_LEVELS } from '../machines.js'
import { ROLES, createSection } from './section.js'

/** @typedef {import('../../core/documents.js').MemberLine} MemberLine */

/** @returns {ReturnType<typeof createSection<MemberLine>>} */
export function members() {
  /** @type {ReturnType<typeof createSection<MemberLine>>} */
  const section = createSection({
    path: '/v1/members',
    title: 'Members',
    what: 'Machines that may talk to Global, by the role that it gives them.',
    actions: [
      may('POST /v1/invitations')
        ? button('Invite…', invite, { icon: 'plus', kind: 'primary' })
        : undefined,
      may('PUT /v1/members/{peer}')
        ? button('Add by peer id…', () => add(section.reload))
        : undefined,
    ],
    table: (reload) => ({
      keyOf: ({ peer }) => peer,
      empty: 'No member yet. Invite a machine.',
      columns: [
        {
          label: 'member',
          cell: ({ peer, label }) => [
            h('strong', { title: peer }, peerText(label ?? peer)),
            h('small', null, copyButton(peer, 'the peer id', 'peer id')),
          ],
        },
        { label: 'role', class: 'short', cell: ({ role }) => role ?? '–' },
        {
          label: 'state',
          class: 'wide',
          cell: ({ state: is }) => mark(MACHINE_LEVELS[is] ?? 'idle', is),
        },
        { label: 'since', class: 'wide', cell: ({ since }) => ago(since) },
        {
          label: 'actions',
          hideLabel: true,
          class: 'tools',
          cell: (line) =>
            line.state === 'expelled'
              ? ''
              : [
                  may('PUT /v1/members/{peer}') &&
                    button('Role…', () => changeRole(line, reload), {
                      kind: 'quiet',
                      label: `Role of ${nameIn(line)}`,
                    }),
                  may('DELETE /v1/members/{peer}') &&
                    button('Remove…', () => expel(line, reload), {
                      kind: 'quiet',
                      label: `Remove ${nameIn(line)}`,
                    }),
                ],
        },
      ],
    }),
  })
  return section
}

/** @param {MemberLine} line */
const nameIn = ({ label, peer }) => label ?? peer

function invite() {
  askFor({
    title: 'Invite a machine',
    text: [
      'The ticket is a secret: a machine that has it may join, until it is used up or expires.',
    ],
    fields: [
      { name: 'role', label: 'Role', value: 'reader', options: ROLES },
      {
        name: 'label',
        label: 'Label',
        placeholder: 'the name of each machine',
      },
      { name: 'uses', label: 'Machines that may use it', value: '1', fault: wholeFault },
      {
        name: 'expires',
        label: 'Valid for',
        value: '1h',
        fault: timeFault,
        hint: 'A time such as 10m, 24h or 7d.',
      },
    ],
    action: 'Make a ticket',
    act: async ({ role = '', label = '', uses = '1', expires = '' }) => {
      /** @type {{ ticket: string, role: string, uses: number, expiresAt: string, loopbackOnly: boolean }} */
      const made = await ask('POST', '/v1/invitations', {
        json: {
          role,
          uses: Number(uses),
          validMs: parseDuration(expires),
          ...(label !== '' && { label }),
        },
      })
      showOnce(
        'The ticket is shown this once',
        h(
          'p',
          null,
          `It admits ${plural(made.uses, 'machine')} as ${made.role}, and expires ${formatAgo(made.expiresAt, now())}.`,
        ),
        made.loopbackOnly
          ? mark('warn', 'Global listens on loopback only: the ticket works on this machine alone.')
          : h('span'),
        copyBlock(made.ticket, 'the ticket'),
        h('p', null, 'On the other machine, with the ticket on standard input:'),
        copyBlock('dstore join -', 'the command'),
      )
    },
  })
}

/** @param {string} text */
const wholeFault = (text) => (/^[1-9]\d{0,6}$/.test(text) ? undefined : 'no number')
/** @param {string} text */
const timeFault = (text) => ((parseDuration(text) ?? 0) >= 1000 ? undefined : 'no time')

/** @param {() => void} reload */
function add(reload) {
  askFor({
    title: 'Add a member by its peer id',
    text: ['dstore status shows the peer id of a machine.'],
    fields: [
      { name: 'peer', label: 'Peer id', required: true, placeholder: '12D3KooW…' },
      { name: 'role', label: 'Role', value: 'reader', options: ROLES },
    ],
    action: 'Add',
    act: async ({ peer = '', role }) => {
      await call('PUT', `/v1/members/${partOf(peer)}`, { json: { role } })
      say('The machine is a member')
      reload()
    },
  })
}

/**
 * @param {MemberLine} line
 * @param {() => void} reload
 */
function changeRole(line, reload) {
  askFor({
    title: `Role of ${nameIn(line)}`,
    fields: [{ name: 'role', label: 'Role', value: line.role ?? 'reader', options: ROLES }],
    action: 'Change',
    act: async ({ role }) => {
      await call('PUT', `/v1/members/${partOf(line.peer)}`, { json: { role } })
      say(`${nameIn(line)} is ${role} now`)
      reload()
    },
  })
}

/**
 * @param {MemberLine} line
 * @param {() => void} reload
 */
function expel(line, reload) {
  const name = nameIn(line)
  askFor({
    title: `Remove ${name} from the members?`,
    text: ['It is disconnected, and may not come back without a new ticket.'],
    fields: [typedField('its name', name)],
    action: 'Remove',
    kind: 'danger',
    act: async () => {
      await call('DELETE', `/v1/members/${partOf(line.peer)}`)
      say(`${name} is no member any more`)
      reload()
    },
  })
}
