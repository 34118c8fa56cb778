/**
 * `has` of one key, the most frequent call of scripts, without what commands on many values load.
 * Only a certain yes is answered here: all else is for the whole command.
 */
import { ValueClient } from '../../src/daemon/client/value-client.ts'
import { asDstoreError } from '../../src/errors.ts'
import type { Invocation, Run } from '../command.ts'
import { useDaemonBy, type Connect } from '../session.ts'
import { PRINTED_KEY } from '../input/key-spelling.ts'

export const has: Run = async (invocation) => {
  if (await isKnown(invocation)) return 0
  return (await import('../commands/values.ts')).has(invocation)
}

async function isKnown(invocation: Invocation): Promise<boolean> {
  const { flags, positionals, terminal } = invocation
  const [text = '', ...others] = positionals
  const isOne = others.length === 0 && flags['files-from'] === undefined
  if (!isOne || terminal.json || !PRINTED_KEY.test(text)) return false
  const connect: Connect<ValueClient> = (socket, options) => ValueClient.connect(socket, options)
  const client = await useDaemonBy(connect, invocation)
  try {
    return await client.exists(text)
  } catch (error) {
    if (asDstoreError(error).code === 'cancelled') throw error
    return false
  }
}
