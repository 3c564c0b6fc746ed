/** The rules of the house: who may import whom, as the table in the README says, and what every module owes its reader. */
import { globSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { describe, expect, test } from 'vitest'

const root = join(import.meta.dirname, '..')
const source = join(root, 'src')

interface Room {
  readonly folder: string
  readonly rank: number
  readonly mayImport: readonly string[]
  readonly packages: readonly string[]
}

const rooms = readRooms(readFileSync(join(root, 'README.md'), 'utf8'))
const files = globSync('**/*.ts', { cwd: source }).sort()
const modules = files.filter(file => !file.endsWith('.d.ts'))

describe('the table in the README', () => {
  test('has a row for every folder and file at the top of src, and no other', () => {
    const found = new Set(files.filter(file => !file.endsWith('.d.ts')).map(roomOf))
    expect([...found].sort()).toEqual(rooms.map(room => room.folder).sort())
  })

  test('lets a room import lower ranks only', () => {
    const rank = new Map(rooms.map(room => [room.folder, room.rank]))
    const upward = rooms.flatMap(room =>
      room.mayImport
        .filter(name => name !== 'all' && room.rank > 0 && (rank.get(name) ?? 99) >= room.rank)
        .map(name => `${room.folder} → ${name}`),
    )
    expect(upward).toEqual([])
  })

  test('claims each package for rooms that really use it', () => {
    const unused = rooms.flatMap(room => {
      const used = new Set(
        modules.filter(file => roomOf(file) === room.folder).flatMap(file => importsOf(file).packages),
      )
      return room.packages.filter(name => !used.has(name)).map(name => `${room.folder}: ${name}`)
    })
    expect(unused).toEqual([])
  })
})

describe('every module', () => {
  test.each(modules)('%s imports only what its room may', file => {
    const room = rooms.find(({ folder }) => folder === roomOf(file))
    const { rooms: imported, packages } = importsOf(file)
    const allowed = (name: string) =>
      name === room?.folder || room?.mayImport.includes('all') || room?.mayImport.includes(name)
    expect(imported.filter(name => !allowed(name))).toEqual([])
    const claimed = (name: string) => rooms.some(other => other.packages.includes(name))
    expect(packages.filter(name => claimed(name) && !room?.packages.includes(name) && room?.folder !== 'app')).toEqual(
      [],
    )
  })

  test.each(modules)('%s says in its first line what it is for', file => {
    expect(read(file)).toMatch(/^(?:#!.*\n)?\/\*\*\s+\S/)
  })
})

describe('the house', () => {
  test('opens the vault in connections only', () => {
    const openers = modules.filter(file => roomOf(file) !== 'app' && importsOf(file).rooms.includes('vault'))
    expect([...new Set(openers.map(roomOf))]).toEqual(['connections', 'vault'])
  })

  test('lets the server take of graphql its schema, context, errors and answer text only', () => {
    const taken = modules.filter(file => roomOf(file) === 'server').flatMap(file => specifiersOf(file))
    const graphql = taken.filter(specifier => specifier.startsWith('../graphql/')).map(specifier => specifier.slice(11))
    expect([...new Set(graphql)].sort()).toEqual(['answer-text.ts', 'context.ts', 'errors.ts', 'schema.ts'])
  })

  test('reads the environment in one place', () => {
    expect(modules.filter(file => read(file).includes('process.env'))).toEqual(['main.ts'])
  })

  test('never switches TLS verification off', () => {
    expect(modules.filter(file => /rejectUnauthorized(?!: true)|NODE_TLS_REJECT/.test(read(file)))).toEqual([])
  })

  test('has no file over 400 lines and no name that says nothing', () => {
    expect(modules.filter(file => read(file).split('\n').length > 400 && file !== 'store/tables.ts')).toEqual([])
    expect(
      modules.filter(file =>
        /(?:^|\/)(?:utils?|helpers?|types|common|misc|index)\.ts$|-(?:service|manager|repository)\.ts$/.test(file),
      ),
    ).toEqual([])
  })
})

function readRooms(readme: string): Room[] {
  const rows = readme.matchAll(/^\| (\d) \| ([^|]+) \| [^|]+ \| ([^|]+) \| ([^|]+) \|$/gm)
  return [...rows].flatMap(([, rank, folders = '', mayImport = '', packages = '']) =>
    listOf(folders).map(folder => ({
      folder,
      rank: Number(rank),
      mayImport: listOf(mayImport),
      packages: listOf(packages),
    })),
  )
}

function listOf(cell: string): string[] {
  return cell
    .split(',')
    .map(item => item.trim())
    .filter(item => item !== '' && item !== '–')
}

function roomOf(file: string): string {
  return (file.split('/')[0] ?? '').replace(/\.ts$/, '')
}

function read(file: string): string {
  return readFileSync(join(source, file), 'utf8')
}

function specifiersOf(file: string): string[] {
  return [...read(file).matchAll(/^(?:import|export)\s(?:[^'"]*?\sfrom\s)?['"]([^'"]+)['"]/gm)].map(
    match => match[1] ?? '',
  )
}

function importsOf(file: string): { rooms: string[]; packages: string[] } {
  const specifiers = specifiersOf(file)
  const own = specifiers.filter(specifier => specifier.startsWith('.'))
  const foreign = specifiers.filter(specifier => !specifier.startsWith('.') && !specifier.startsWith('node:'))
  expect(foreign.filter(name => builtinModules.includes(name))).toEqual([])
  return {
    rooms: own.map(specifier => roomOf(relative(source, join(source, dirname(file), specifier)))),
    packages: foreign.map(name =>
      name
        .split('/')
        .slice(0, name.startsWith('@') ? 2 : 1)
        .join('/'),
    ),
  }
}
