/** The children of an instrument by the values of their labels: made once, so that to count is a look-up and no object. */

interface Labelled<Child> {
  labels(...values: string[]): Child
}

/** Beyond it a child takes what has no place of its own: memory stays bounded whatever labels come. */
const maxChildren = 5000

export class Children<Child> {
  readonly #instrument: Labelled<Child>
  readonly #children = new Map<string, Child>()
  readonly #others: readonly string[]
  readonly #max: number

  /** @param others the values of the child that takes what is too much, one for each label */
  constructor(instrument: Labelled<Child>, others: readonly string[], max: number = maxChildren) {
    this.#instrument = instrument
    this.#others = others
    this.#max = max
  }

  /** @param second and the next: as many as the instrument has labels */
  of(first: string, second?: string, third?: string, fourth?: string): Child {
    const key = second === undefined ? first : `${first} ${second} ${third ?? ''} ${fourth ?? ''}`
    return this.#children.get(key) ?? this.#make(key, [first, second, third, fourth])
  }

  #make(key: string, given: readonly (string | undefined)[]): Child {
    const isFull = this.#children.size >= this.#max
    const values = isFull ? this.#others : given.filter(value => value !== undefined)
    const child = this.#instrument.labels(...values)
    if (!isFull) this.#children.set(key, child)
    return child
  }
}
