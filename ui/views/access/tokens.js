/**
 * Tokens of the API over TCP.
 * @module
 */
import { ask, call } from '../../api/client.js'
import { partOf } from '../../api/paths.js'
import { may } from '../../api/session.js'
import { now } from '../../core/clock.js'
import { formatAgo, parseDuration } from '../../core/format.js'
import { ago } from '../../parts/ages.js'
import { copyBlock } from '../../parts/copy.js'
import { askFor, showOnce } from '../../parts/dialog.js'
import { button, h } from '../../parts/dom.js'
import { say } from '../../parts/notices.js'
import { ROLES, createSection } from './section.js'

/** @typedef {import('../../core/documents.js').TokenLine} TokenLine */

/** @returns {ReturnType<typeof createSection<TokenLine>>} */
export function tokens() {
  /** @type {ReturnType<typeof createSection<TokenLine>>} */
  const section = createSection({
    path: '/v1/tokens',
    title: 'Tokens',
    what: 'Programs that call the API over TCP show one of these.',
    actions: [
      may('POST /v1/tokens')
        ? button('New token…', () => make(section.reload), { icon: 'plus', kind: 'primary' })
        : undefined,
    ],
    table: (reload) => ({
      keyOf: ({ id }) => id,
      empty: 'No token.',
      columns: [
        {
          label: 'token',
          cell: ({ label, id, prefix }) => [
            h('strong', null, label),
            h(
              'small',
              null,
              [label === id ? undefined : id, prefix && `below ${prefix}`]
                .filter(Boolean)
                .join(', '),
            ),
          ],
        },
        { label: 'role', class: 'short', cell: ({ role }) => role },
        { label: 'made', class: 'wide', cell: ({ createdAt }) => ago(createdAt) },
        {
          label: 'used',
          class: 'wide',
          cell: ({ lastUsedAt }) => (lastUsedAt === undefined ? 'never' : ago(lastUsedAt)),
        },
        {
          label: 'expires',
          class: 'wide',
          cell: ({ expiresAt }) => (expiresAt === undefined ? 'never' : ago(expiresAt)),
        },
        {
          label: 'actions',
          hideLabel: true,
          class: 'tools',
          cell: (line) =>
            // The token of the node's own user is a file: it is not removed by a call.
            may('DELETE /v1/tokens/{token}') &&
            line.id !== 'http-token' &&
            line.label !== 'http-token'
              ? button('Revoke…', () => revoke(line, reload), {
                  kind: 'quiet',
                  label: `Revoke ${line.label}`,
                })
              : '',
        },
      ],
    }),
  })
  return section
}

/** @param {() => void} reload */
function make(reload) {
  askFor({
    title: 'New token',
    fields: [
      { name: 'role', label: 'Role', value: 'reader', options: ROLES },
      {
        name: 'label',
        label: 'Label',
        placeholder: 'its id',
        hint: 'Letters, digits and . _ @ : -',
      },
      {
        name: 'prefix',
        label: 'Only names below',
        placeholder: 'all names',
        hint: 'A prefix that ends in a slash, such as ci/.',
        fault: (text) => (text === '' || text.endsWith('/') ? undefined : 'no slash at its end'),
      },
      {
        name: 'expires',
        label: 'Expires after',
        placeholder: 'never',
        fault: (text) => (text === '' || parseDuration(text) !== undefined ? undefined : 'no time'),
      },
    ],
    action: 'Make',
    act: async ({ role, label = '', prefix = '', expires = '' }) => {
      const expiresMs = parseDuration(expires)
      /** @type {TokenLine & { token: string }} */
      const made = await ask('POST', '/v1/tokens', {
        json: {
          role,
          ...(label !== '' && { label }),
          ...(prefix !== '' && { prefix }),
          ...(expiresMs !== undefined && { expiresMs }),
        },
      })
      const until =
        made.expiresAt === undefined
          ? 'does not expire'
          : `expires ${formatAgo(made.expiresAt, now())}`
      showOnce(
        'The token is shown this once',
        h(
          'p',
          null,
          `${made.label} is ${made.role}${made.prefix === undefined ? '' : ` below ${made.prefix}`}, and ${until}. Neither the daemon nor this page keeps it.`,
        ),
        copyBlock(made.token, 'the token'),
      )
      reload()
    },
  })
}

/**
 * @param {TokenLine} line
 * @param {() => void} reload
 */
function revoke({ id, label }, reload) {
  askFor({
    title: `Revoke ${label}?`,
    text: ['A program that shows it is refused from now on. Sessions that began with it end.'],
    action: 'Revoke',
    kind: 'danger',
    act: async () => {
      await call('DELETE', `/v1/tokens/${partOf(id)}`)
      say(`${label} is revoked`)
      reload()
    },
  })
}
