/** The search for integrations: which ones a text finds, and which of them somebody who types it means most likely. */
import { titleOfCategory } from '../catalog/categories.ts'
import type { IntegrationDefinition } from '../catalog/entry.ts'

/** Texts as they are compared; words have one space before each. */
interface Searched {
  readonly names: readonly string[]
  readonly nameWords: string
  readonly otherWords: string
}

/** Letters that Unicode takes for whole ones, though keyboards without them write others. */
const plainLetters: Readonly<Record<string, string>> = {
  æ: 'ae',
  ð: 'd',
  đ: 'd',
  ħ: 'h',
  ı: 'i',
  ł: 'l',
  ø: 'o',
  œ: 'oe',
  þ: 'th',
}

const known = new WeakMap<IntegrationDefinition, Searched>()

/** The terms of a search; none of a text that holds nothing but spaces. */
export function termsOf(search: string): string[] {
  return fold(search)
    .split(/\s+/)
    .filter(term => term !== '')
}

/**
 * How well the terms fit, 0 is best: the name or slug begins with a term (0), a word in it does (1), it is somewhere in it
 * (2), or a word of the description or of a category begins with it (3). Of several terms the worst counts; undefined
 * when one of them is nowhere.
 */
export function rankOf(definition: IntegrationDefinition, terms: readonly string[]): number | undefined {
  const searched = searchedOf(definition)
  const ranks = terms.map(term => rankTerm(searched, term))
  return ranks.every(rank => rank !== undefined) ? Math.max(0, ...ranks) : undefined
}

function rankTerm({ names, nameWords, otherWords }: Searched, term: string): number | undefined {
  if (names.some(name => name.startsWith(term))) return 0
  const words = wordsOf(term)
  if (words !== '' && nameWords.includes(words)) return 1
  if (names.some(name => name.includes(term))) return 2
  return words !== '' && otherWords.includes(words) ? 3 : undefined
}

function searchedOf(definition: IntegrationDefinition): Searched {
  const before = known.get(definition)
  if (before !== undefined) return before
  const { slug, description = '', categories } = definition
  const name = fold(definition.name)
  const titles = categories.map(category => `${category} ${titleOfCategory(category)}`)
  const searched = {
    // Without what stands between its words, too: `google sheets` is typed as one word.
    names: [name, slug, name.replaceAll(/[^\p{L}\p{N}]/gu, '')],
    nameWords: wordsOf(`${name} ${slug}`),
    otherWords: wordsOf(fold(`${description} ${titles.join(' ')}`)),
  }
  known.set(definition, searched)
  return searched
}

/** Without case and accents. */
function fold(text: string): string {
  const bare = text.toUpperCase().normalize('NFKD').replaceAll(/\p{M}/gu, '').toLowerCase()
  return bare.replaceAll(/[æðđħıłøœþ]/g, letter => plainLetters[letter] ?? letter)
}

/** Each word with a space before it; empty for a text without letters and digits. */
function wordsOf(text: string): string {
  const words = text.split(/[^\p{L}\p{N}]+/u).filter(word => word !== '')
  return words.map(word => ` ${word}`).join('')
}
