/** The catalog is a value: found by slug, listed in order, changed only by making another one. */
import { describe, expect, it } from 'vitest'
import { Catalog } from '../../src/catalog/catalog.ts'
import { parseIntegration } from '../../src/catalog/parse.ts'
import { definition } from './definition.ts'

function slugsOf(catalog: Catalog): string[] {
  return catalog.list().map(({ slug }) => slug)
}

describe('Catalog', () => {
  const catalog = Catalog.load()
  const acme = parseIntegration(definition())

  it('finds by slug and lists by slug', () => {
    expect(catalog.get('github')?.name).toBe('GitHub')
    expect(catalog.get('nothing')).toBeUndefined()
    expect(catalog.get('constructor')).toBeUndefined()
    expect(slugsOf(catalog)).toEqual(slugsOf(catalog).toSorted())
  })

  it('adds, replaces and leaves out without changing itself', () => {
    const more = catalog.with(acme)
    expect(more.get('acme')).toBe(acme)
    expect(more.list().filter(({ slug }) => slug === 'acme')).toEqual([acme])
    expect(slugsOf(more)).toEqual([...slugsOf(catalog), 'acme'].toSorted())
    const renamed = parseIntegration(definition({ name: 'Other' }))
    expect(more.with(renamed).list()).toHaveLength(more.list().length)
    expect(more.with(renamed).get('acme')).toBe(renamed)
    expect(more.without('acme').list()).toEqual(catalog.list())
    expect(catalog.without('sandbox').get('sandbox')).toBeUndefined()
    const unlisted = catalog.unlist('sandbox')
    expect(unlisted.list().map(({ slug }) => slug)).toEqual(
      catalog
        .without('sandbox')
        .list()
        .map(({ slug }) => slug),
    )
    expect(unlisted.get('sandbox')).toEqual(catalog.get('sandbox'))
    expect(catalog.get('sandbox')).toBeDefined()
    expect(catalog.get('acme')).toBeUndefined()
  })
})
