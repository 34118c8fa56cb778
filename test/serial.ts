/**
 * ava's `test`, one after another. The files of a folder share a process (`ava.config.js`), and a
 * test must not be late because of its neighbours.
 */
import ava, { type SerialFn } from 'ava'

export const test: SerialFn = ava.serial
