/**
 * Reads server-sent events and lines of JSON out of pieces of text, in bounded memory.
 * @module
 */

/** Characters of one event or line. The daemon's largest holds a thousand machines. */
const MOST_CHARACTERS = 8 * 1024 * 1024

/**
 * @typedef {object} StreamEvent
 * @property {string} event
 * @property {string} data
 * @property {string | undefined} id The last id that the stream had.
 */

/** Splits text into lines, of any of the three line ends, however it is cut into pieces. */
class Lines {
  #rest = ''

  /**
   * The lines that are complete.
   * @param {string} text
   * @returns {string[]}
   */
  push(text) {
    const whole = this.#rest + text
    // A carriage return at the end may be the first half of a line end.
    const end = whole.endsWith('\r') ? whole.length - 1 : whole.length
    const lines = whole.slice(0, end).split(/\r\n|\n|\r/)
    this.#rest = (lines.pop() ?? '') + whole.slice(end)
    if (this.#rest.length > MOST_CHARACTERS) throw new RangeError('the daemon sent too long a line')
    return lines
  }

  /** What stands behind the last line end. */
  get rest() {
    return this.#rest
  }
}

/** Parses `text/event-stream`. */
export class EventStreamParser {
  #lines = new Lines()
  #event = ''
  /** @type {string[]} */
  #data = []
  #characters = 0
  /** @type {string | undefined} */
  #id

  /** The id of the last event, or what the stream said of its begin. */
  get id() {
    return this.#id
  }

  /**
   * The events that are complete.
   * @param {string} text
   * @returns {StreamEvent[]}
   */
  push(text) {
    /** @type {StreamEvent[]} */
    const events = []
    for (const line of this.#lines.push(text)) {
      if (line === '') this.#dispatch(events)
      else this.#field(line)
    }
    return events
  }

  /** @param {StreamEvent[]} events */
  #dispatch(events) {
    if (this.#data.length > 0) {
      events.push({ event: this.#event || 'message', data: this.#data.join('\n'), id: this.#id })
    }
    this.#event = ''
    this.#data = []
    this.#characters = 0
  }

  /** @param {string} line */
  #field(line) {
    const colon = line.indexOf(':')
    const name = colon === -1 ? line : line.slice(0, colon)
    const value = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (name === 'event') this.#event = value
    else if (name === 'id' && !value.includes('\0')) this.#id = value
    else if (name === 'data') {
      this.#characters += value.length
      if (this.#characters > MOST_CHARACTERS) throw new RangeError('the daemon sent too much data')
      this.#data.push(value)
    }
  }
}

/** Parses `application/x-ndjson`. */
export class JsonLinesParser {
  #lines = new Lines()

  /**
   * The documents that are complete.
   * @param {string} text
   * @returns {unknown[]}
   */
  push(text) {
    return this.#lines.push(text).filter(Boolean).map(parse)
  }

  /**
   * The document behind the last line end, if there is one.
   * @returns {unknown[]}
   */
  end() {
    return this.#lines.rest.trim() === '' ? [] : [parse(this.#lines.rest)]
  }
}

/**
 * @param {string} line
 * @returns {unknown}
 */
const parse = (line) => JSON.parse(line)
