/**
 * `ui/core/documents.d.ts` states what the page reads of the API's answers. Each of its types is
 * held against the schema of the same document: what the page reads is described, what it relies on
 * is required, and every value that the API may answer is one that the page expects.
 */
import { readFileSync } from 'node:fs'
import { parseSync } from 'rolldown/utils'
import { parse } from 'yaml'
import { test } from '../serial.ts'
import { pageText } from './page-module.ts'

/** The schema of each type that the page states. `Status` and the like have their names. */
const SCHEMAS: Readonly<Record<string, string>> = {
  Role: 'MemberRole',
  SessionDocument: 'Caller',
  Member: 'MemberActivity',
  Removal: 'FollowedRemoval',
  Update: 'EventUpdate',
  SetReport: 'Set',
  RemovalAnswer: 'Removal',
  PutAnswer: 'Put',
}

/** Parts of a larger schema, which has no name for them. */
const PARTS: Readonly<Record<string, readonly [schema: string, ...path: string[]]>> = {
  SetMember: ['Set', 'members', '[]'],
  GlobalLink: ['Status', 'global'],
  Store: ['Status', 'store'],
}

interface Schema {
  readonly $ref?: string
  readonly type?: string | readonly string[]
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly properties?: Readonly<Record<string, Schema>>
  readonly additionalProperties?: boolean | Schema
  readonly required?: readonly string[]
  readonly items?: Schema
  readonly anyOf?: readonly Schema[]
  readonly allOf?: readonly Schema[]
}

/** A node of the syntax tree, as far as the types of the page need it. */
interface Node {
  readonly type: string
  readonly [field: string]: unknown
}

interface Property {
  readonly name: string
  readonly isOptional: boolean
  readonly type: Node
}

const { schemas } = (
  parse(readFileSync('specs/openapi.yaml', 'utf8')) as {
    readonly components: { readonly schemas: Readonly<Record<string, Schema>> }
  }
).components

/** The types of this text, by name. */
function typesIn(text: string): Map<string, Node> {
  const { program, errors } = parseSync('documents.d.ts', text, { lang: 'dts' })
  if (errors.length > 0) throw new Error(errors[0]!.message)
  const declared = program.body.map(
    (statement) => (statement as unknown as { readonly declaration: Node }).declaration,
  )
  return new Map(
    declared.map(({ id, body, typeAnnotation }) => [
      (id as { readonly name: string }).name,
      (body ?? typeAnnotation) as Node,
    ]),
  )
}

const propertiesOf = ({ body, members }: Node): Property[] =>
  ((body ?? members) as Node[]).map(({ key, optional, typeAnnotation }) => ({
    name: (key as { readonly name: string }).name,
    isOptional: optional === true,
    type: (typeAnnotation as { readonly typeAnnotation: Node }).typeAnnotation,
  }))

const resolved = ({ $ref, allOf, ...schema }: Schema): Schema => {
  if (allOf?.length === 1) return resolved(allOf[0]!)
  return $ref === undefined ? schema : resolved(schemas[$ref.split('/').at(-1)!]!)
}

const NOTHING: Schema = {}

function schemaOf(name: string): Schema {
  const [first, ...path] = PARTS[name] ?? [SCHEMAS[name] ?? name]
  let schema = resolved(schemas[first] ?? NOTHING)
  for (const step of path) {
    const next = step === '[]' ? schema.items : schema.properties?.[step]
    schema = resolved(next ?? NOTHING)
  }
  return schema
}

/** The values that a schema without properties allows: texts, or the names of their types. */
function valuesOf(schema: Schema): string[] {
  if (schema.const !== undefined) return [JSON.stringify(schema.const)]
  if (schema.enum !== undefined) return schema.enum.map((value) => JSON.stringify(value))
  const types = [schema.type ?? 'any'].flat()
  return types.map((type) => (type === 'integer' ? 'number' : type))
}

/** What the page's type does not take, or relies on, beyond the schema; a line each. */
function faultsOf(where: string, node: Node, given: Schema, types: Map<string, Node>): string[] {
  const schema = resolved(given)
  const same = (inner: Node, of: Schema, at = where): string[] => faultsOf(at, inner, of, types)
  switch (node.type) {
    case 'TSTypeOperator':
      return same(node['typeAnnotation'] as Node, schema)
    case 'TSArrayType':
      if (schema.items === undefined) return [`${where} is no list`]
      return same(node['elementType'] as Node, schema.items, `${where}[]`)
    case 'TSTypeReference': {
      const { name } = node['typeName'] as { readonly name: string }
      const parameters = (node['typeArguments'] as { readonly params: Node[] } | null)?.params ?? []
      if (name === 'Readonly') return same(parameters[0]!, schema)
      if (name !== 'Record') return same(types.get(name)!, schema)
      if (typeof schema.additionalProperties === 'object') {
        return same(parameters[1]!, schema.additionalProperties, `${where}{}`)
      }
      const named = Object.entries(schema.properties ?? {})
      if (named.length === 0) return [`${where} has no properties`]
      return named.flatMap(([one, inner]) => same(parameters[1]!, inner, `${where}.${one}`))
    }
    case 'TSInterfaceBody':
    case 'TSTypeLiteral':
      return propertiesOf(node).flatMap(({ name, isOptional, type }) => {
        const inner = schema.properties?.[name]
        if (inner === undefined) return [`${where}.${name} is not described`]
        const isSure = isOptional || schema.required?.includes(name) === true
        return [
          ...(isSure ? [] : [`${where}.${name} may be missing`]),
          ...same(type, inner, `${where}.${name}`),
        ]
      })
    case 'TSUnionType': {
      const members = node['types'] as Node[]
      if (schema.anyOf !== undefined) {
        return schema.anyOf.flatMap((inner) => {
          const tried = members.map((member) => same(member, inner))
          return tried.find((faults) => faults.length === 0) ?? tried[0]!
        })
      }
      const expected = members.map(valueOf)
      return valuesOf(schema)
        .filter((value) => !expected.includes(value))
        .map((value) => `${where} may be ${value}`)
    }
    default: {
      const expected = valueOf(node)
      const isText = (value: string): boolean => expected === 'string' && value.startsWith('"')
      return valuesOf(schema)
        .filter((value) => value !== expected && !isText(value))
        .map((value) => `${where} may be ${value}`)
    }
  }
}

function valueOf(node: Node): string {
  if (node.type === 'TSLiteralType') {
    return JSON.stringify((node['literal'] as { readonly value: unknown }).value)
  }
  return /^TS(\w+)Keyword$/.exec(node.type)?.[1]?.toLowerCase() ?? node.type
}

const allFaults = (text: string): string[] => {
  const types = typesIn(text)
  return [...types].flatMap(([name, node]) => faultsOf(name, node, schemaOf(name), types))
}

test('what the page reads of the API is as the API describes it', (t) => {
  const text = pageText('core/documents.d.ts')
  t.true(typesIn(text).size > 20)
  t.deepEqual(allFaults(text), [])
})

test('a document of the page that says more than the API would be found', (t) => {
  const found = (text: string): string[] => allFaults(`export ${text}`)
  t.deepEqual(found('interface Facts { readonly colour: string }'), [
    'Facts.colour is not described',
  ])
  t.deepEqual(found('interface Facts { readonly heldBy: number }'), ['Facts.heldBy may be missing'])
  t.deepEqual(found('interface Facts { readonly size: string }'), ['Facts.size may be number'])
  t.deepEqual(found('interface Facts { readonly names: string }'), ['Facts.names may be array'])
  t.deepEqual(found('interface Facts { readonly size: readonly number[] }'), [
    'Facts.size is no list',
  ])
  t.deepEqual(found("interface EntryLine { readonly type: 'file' | 'directory' }"), [
    'EntryLine.type may be "link"',
  ])
  t.deepEqual(found('interface Sample { readonly p50: number }'), ['Sample.p50 may be null'])
  t.deepEqual(found('interface Nothing { readonly x: string }'), ['Nothing.x is not described'])
})
