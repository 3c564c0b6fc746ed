/** A bounded queue in which groups take turns: whoever has a thousand waiting delays nobody who has one. */

export class FairQueue<Item> {
  readonly #maxSize: number
  /** In the order of their turns; a Map keeps it, and the group that was served goes to the end. */
  readonly #groups = new Map<string, Set<Item>>()
  #size = 0

  constructor(maxSize: number) {
    this.#maxSize = maxSize
  }

  get size(): number {
    return this.#size
  }

  /** @returns false when the queue is full */
  add(group: string, item: Item): boolean {
    if (this.#size >= this.#maxSize) return false
    const items = this.#groups.get(group)
    if (items === undefined) this.#groups.set(group, new Set([item]))
    else items.add(item)
    this.#size += 1
    return true
  }

  /** The longest waiting one of the group whose turn it is. */
  take(): Item | undefined {
    const [next] = this.#groups
    if (next === undefined) return undefined
    const [group, items] = next
    const [item] = items
    if (item === undefined) throw new TypeError('a group without items was kept')
    items.delete(item)
    this.#groups.delete(group)
    if (items.size > 0) this.#groups.set(group, items)
    this.#size -= 1
    return item
  }

  /** For one that no longer waits. */
  remove(group: string, item: Item): void {
    const items = this.#groups.get(group)
    if (items?.delete(item) !== true) return
    if (items.size === 0) this.#groups.delete(group)
    this.#size -= 1
  }
}
