/**
 * Uploads by drop or choice: asks for names, then sends.
 * @module
 */
import { may, session } from '../api/session.js'
import { putFile, putFolder } from '../api/upload.js'
import {
  bytesOf,
  chosenOf,
  folderFault,
  foldersOf,
  MOST_FILES,
  nameIn,
  tooMany,
} from '../core/folders.js'
import { formatSize, parseDuration, plural } from '../core/format.js'
import { formatRoute } from '../core/routes.js'
import { begin } from './activity.js'
import { link } from './copy.js'
import { askFor } from './dialog.js'
import { h } from './dom.js'
import { complain, mention } from './notices.js'

/** @typedef {import('../core/folders.js').Chosen} Chosen */

/**
 * @param {{ prefix: () => string, onDone: () => void }} options
 */
export function createUploads({ prefix, onDone }) {
  const files = h('input', {
    type: 'file',
    multiple: true,
    hidden: true,
    'aria-label': 'Files to upload',
    onchange: () => {
      upload([...(files.files ?? [])].map((file) => ({ file })))
      files.value = ''
    },
  })
  const folder = h('input', {
    type: 'file',
    webkitdirectory: true,
    hidden: true,
    'aria-label': 'Folder to upload',
    onchange: () => {
      try {
        const folders = foldersOf([...(folder.files ?? [])])
        if (folders.length === 0)
          complain(new Error('the folder is empty, or has empty folders only'))
        else upload(folders)
      } catch (error) {
        complain(error)
      }
      folder.value = ''
    },
    // A browser may say the same of a folder without files as of none.
    oncancel: () => mention('No folder was chosen, or one without files.'),
  })

  const upload = (/** @type {Chosen[]} */ chosen) => {
    const fault = chosen
      .map((one) => ('folder' in one ? folderFault(one.folder) : undefined))
      .find(Boolean)
    if (chosen.length > MOST_FILES) complain(tooMany('the choice'))
    else if (fault !== undefined) complain(fault)
    else if (chosen.length > 0) askForNames(chosen, prefix(), onDone)
  }

  return {
    inputs: h('div', { hidden: true }, files, folder),
    chooseFiles: () => files.click(),
    chooseFolder: () => folder.click(),
    acceptDrops: (/** @type {HTMLElement} */ element) => acceptDrops(element, upload),
  }
}

/** @param {DragEvent} event */
const hasFiles = ({ dataTransfer }) => dataTransfer?.types.includes('Files') === true

/**
 * Refuses files that are dropped beside what takes them: the browser would show them in the place
 * of the page.
 * @param {DragEvent} event
 */
export function refuseDrop(event) {
  if (event.defaultPrevented || !hasFiles(event)) return
  event.preventDefault()
  if (event.dataTransfer !== null) event.dataTransfer.dropEffect = 'none'
}

/**
 * @param {HTMLElement} element
 * @param {(chosen: Chosen[]) => void} upload
 */
function acceptDrops(element, upload) {
  element.classList.add('drops')
  let inside = 0
  const show = () => element.classList.toggle('drop', inside > 0)
  element.addEventListener('dragenter', (event) => {
    if (!hasFiles(event)) return
    inside++
    show()
  })
  element.addEventListener('dragleave', (event) => {
    if (!hasFiles(event)) return
    inside--
    show()
  })
  element.addEventListener('dragover', (event) => {
    if (hasFiles(event)) event.preventDefault()
  })
  element.addEventListener('drop', (event) => {
    if (!hasFiles(event)) return
    event.preventDefault()
    inside = 0
    show()
    const entries = [...(event.dataTransfer?.items ?? [])]
      .map((item) => item.webkitGetAsEntry())
      .filter((entry) => entry !== null)
    chosenOf(entries).then(upload, complain)
  })
}

/**
 * @param {readonly Chosen[]} chosen
 * @param {string} level The prefix that is shown.
 * @param {() => void} onDone
 */
function askForNames(chosen, level, onDone) {
  const [first] = chosen
  if (first === undefined) return
  const below = level.startsWith(session().prefix ?? '') ? level : (session().prefix ?? '')
  const isOne = chosen.length === 1
  const bytes = chosen.reduce((sum, one) => sum + bytesOf(one), 0)
  const needsName = session().prefix !== undefined
  askFor({
    title: isOne ? `Upload ${nameIn(first)}` : `Upload ${plural(chosen.length, 'item')}`,
    text: [
      `${formatSize(bytes)}${'folder' in first && isOne ? `, ${plural(first.folder.files.length, 'file')}` : ''}`,
    ],
    fields: [
      isOne
        ? {
            name: 'name',
            label: 'Name',
            value: `${below}${nameIn(first)}`,
            required: needsName,
            hint: needsName ? '' : 'Without a name it is kept until it is removed by its key.',
          }
        : {
            name: 'name',
            label: 'The names begin with',
            value: below,
            hint: `The first is then ${below}${nameIn(first)}.`,
          },
      {
        name: 'tag',
        label: 'The name is a tag: it may be moved to another value later',
        check: true,
      },
      {
        name: 'expires',
        label: 'Unbind after',
        placeholder: 'never',
        hint: 'A time such as 24h or 7d.',
        fault: (/** @type {string} */ text) =>
          text === '' || parseDuration(text) !== undefined ? undefined : 'no time',
      },
    ].map((field) => /** @type {import('./dialog.js').Field} */ (field)),
    action: 'Upload',
    act: async (given) => {
      const { name = '', tag, expires = '' } = given
      for (const one of chosen) {
        const naming = {
          name: isOne ? name : `${name}${nameIn(one)}`,
          isTag: tag === '1',
          expiresMs: parseDuration(expires),
        }
        beginOne(one, naming, onDone)
      }
    },
  })
}

/**
 * @param {Chosen} chosen
 * @param {import('../api/upload.js').Naming} naming
 * @param {() => void} onDone
 */
function beginOne(chosen, naming, onDone) {
  begin({
    direction: 'up',
    label: naming.name === '' ? nameIn(chosen) : naming.name,
    size: bytesOf(chosen),
    run: async (watch) => {
      const put =
        'file' in chosen
          ? await putFile(chosen.file, naming, watch)
          : await putFolder(chosen.folder, naming, watch)
      onDone()
      const word = naming.name === '' ? put.key : naming.name
      const text = put.existed ? 'stored before' : 'stored'
      return may('GET /v1/values/{key}/facts') ? link(formatRoute('values', [word]), text) : text
    },
  })
}
