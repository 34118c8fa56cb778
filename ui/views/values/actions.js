/**
 * What can be done with a value, as far as the caller may.
 * @module
 */
import { ask, call, follow } from '../../api/client.js'
import { namePath, partOf, valuePath } from '../../api/paths.js'
import { actingRole, may, session } from '../../api/session.js'
import { formatShare, formatSize, parseDuration } from '../../core/format.js'
import { formatRoute } from '../../core/routes.js'
import { copyButton } from '../../parts/copy.js'
import { askFor } from '../../parts/dialog.js'
import { button, fill, h, icon } from '../../parts/dom.js'
import { complain, say } from '../../parts/notices.js'
import { state } from '../../parts/store.js'
import { downloadButton } from './download-button.js'

/**
 * @typedef {import('../../core/documents.js').Facts} Facts
 * @typedef {import('../../core/documents.js').NameLine} NameLine
 */

/**
 * @param {string} word
 * @param {Facts} facts
 * @param {NameLine | undefined} name
 * @param {() => void} reload
 */
export function actionsOf(word, facts, name, reload) {
  const { key, size, directory, heldBytes } = facts
  const isLocal = state.status?.role === 'local'
  const lacks = heldBytes < size
  const mayRemove = mayRemoveIt(name)
  return h(
    'div',
    { class: 'actions' },
    directory === undefined &&
      downloadButton(valuePath(word), name === undefined ? `${key}.bin` : word, size),
    copyButton(
      `dstore get ${directory === undefined ? '' : '-o DIR '}${quoted(word)}`,
      'the command',
      'Command',
    ),
    isLocal && lacks && may('POST /v1/values/{key}/prefetch') && prefetchButton(word, reload),
    isLocal && may('PUT /v1/pins/{word}') && button('Pin', () => void pin(word, reload)),
    isLocal && heldBytes > 0 && may('POST /v1/values/{key}/evict') && evictButton(key, reload),
    may('PUT /v1/names/{name}') && button('Name…', () => bind(key, reload), { icon: 'tag' }),
    mayRemove &&
      h(
        'a',
        { class: 'danger', href: formatRoute('removal', [], { word }) },
        icon('trash'),
        'Remove…',
      ),
  )
}

/**
 * Fixed names and keys are an admin's to remove; a writer removes tags.
 * @param {NameLine | undefined} name
 */
function mayRemoveIt(name) {
  if (actingRole() === 'admin') {
    return may(name === undefined ? 'DELETE /v1/values/{key}' : 'DELETE /v1/names/{name}')
  }
  return name?.kind === 'tag' && may('DELETE /v1/names/{name}')
}

/**
 * A word as a shell and the command line take it.
 * @param {string} word
 */
function quoted(word) {
  const text = /^[\w./:@-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
  // It is no flag.
  return word.startsWith('-') ? `-- ${text}` : text
}

/**
 * @param {string} word
 * @param {() => void} reload
 */
function prefetchButton(word, reload) {
  const fetchIt = button('Prefetch', () => {
    fetchIt.disabled = true
    follow('POST', `${valuePath(word)}/prefetch`, ({ doneBytes, totalBytes }) => {
      fill(
        fetchIt,
        `Fetching ${totalBytes === null ? formatSize(doneBytes) : formatShare(doneBytes, totalBytes)}`,
      )
    }).then(reload, (error) => {
      complain(error)
      reload()
    })
  })
  return fetchIt
}

/**
 * @param {string} key
 * @param {() => void} reload
 */
const evictButton = (key, reload) =>
  button('Evict', () => {
    void evict(key, reload)
  })

/**
 * @param {string} word
 * @param {() => void} reload
 */
async function pin(word, reload) {
  try {
    await follow('PUT', `/v1/pins/${partOf(word)}`, () => undefined)
    say(`Pinned ${word}`)
    reload()
  } catch (error) {
    complain(error)
  }
}

/**
 * @param {string} key
 * @param {() => void} reload
 */
function bind(key, reload) {
  askFor({
    title: 'Bind a name to this value',
    fields: [
      { name: 'name', label: 'Name', value: session().prefix ?? '', required: true },
      { name: 'tag', label: 'It is a tag: it may be moved to another value later', check: true },
      {
        name: 'expires',
        label: 'Unbind after',
        placeholder: 'never',
        hint: 'A time such as 24h or 7d.',
        fault: (text) => (text === '' || parseDuration(text) !== undefined ? undefined : 'no time'),
      },
    ],
    action: 'Bind',
    act: async ({ name = '', tag, expires = '' }) => {
      const ms = parseDuration(expires)
      const json = {
        key,
        kind: tag === '1' ? 'tag' : 'fixed',
        ...(ms !== undefined && { expires: ms }),
      }
      await call('PUT', namePath(name), { json })
      say(`Bound ${name}`)
      reload()
    },
  })
}

/**
 * @param {string} key
 * @param {() => void} reload
 */
async function evict(key, reload) {
  try {
    /** @type {{ freedBytes: number }} */
    const { freedBytes } = await ask('POST', `${valuePath(key)}/evict`)
    say(`Freed ${formatSize(freedBytes)} of this machine's memory`)
    reload()
  } catch (error) {
    complain(error)
  }
}
