/** Words of redis-cli that have no counterpart at the prompt, and what to do instead. */

const INSTEAD: readonly (readonly [words: string, instead: string])[] = [
  [
    'incr incrby incrbyfloat decr decrby append setrange setbit getset getdel getex',
    'a value never changes: SET binds a new name, and TAG moves one to a new value',
  ],
  [
    'lpush rpush lpop rpop llen lrange hset hget hgetall hdel hkeys sadd srem smembers scard zadd zrange xadd xread pfadd geoadd',
    'a value is bytes, or a directory of files: there are no lists, hashes, sets or streams',
  ],
  [
    'expire pexpire expireat persist setex psetex',
    'a name expires if it is bound so: `dstore put FILE --tag NAME --expires 1h`',
  ],
  ['rename renamenx copy move', '`dstore name NEW OLD` binds another name to the same value'],
  ['scan sscan hscan zscan randomkey', 'KEYS PATTERN and LS PREFIX list names, without a cursor'],
  ['getrange substr', '`dstore get NAME --range 0-99` reads a part'],
  ['mset msetnx', 'SET binds one name; `dstore put` stores many files'],
  ['subscribe psubscribe publish monitor watch', '`dstore watch` shows every change'],
  ['multi exec discard eval evalsha script', 'each statement is a change of its own'],
  ['flushall flushdb', 'DEL removes what it is given; there is no word for everything'],
  ['save bgsave bgrewriteaof', 'what is stored is on disk; `dstore export` writes a backup'],
  ['shutdown', '`dstore stop` stops the node'],
  ['auth acl', 'who may open the socket may do everything; `dstore token` is for TCP'],
  ['config', '`dstore start --help` lists the settings'],
  ['client cluster role replicaof slaveof', '`dstore members` lists the nodes'],
]

/** What to do instead of a word of redis-cli, in lower case; undefined for any other word. */
export function insteadOf(word: string): string | undefined {
  return INSTEAD.find(([words]) => words.split(' ').includes(word))?.[1]
}
