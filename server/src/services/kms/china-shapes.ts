import type { Member, Members, Shape } from '../../shape.ts'
import { enums, enumsInChina } from './enums.ts'

/** By each enumeration outside China, what it is in China Regions. */
const inChina = new Map<readonly string[], readonly string[]>(
  (Object.keys(enums) as (keyof typeof enums)[]).map((name) => [enums[name], enumsInChina[name]]),
)

/** The members of a request in China Regions, where AWS has other key specs; the same ones where nothing differs. */
export function membersInChina(members: Members): Members {
  let differs = false
  const changed = Object.entries<Member>(members).map(([name, member]): [string, Member] => {
    const shape = shapeInChina(member)
    if (shape !== member) differs = true
    return [name, shape]
  })
  return differs ? Object.fromEntries(changed) : members
}

function shapeInChina<S extends Shape>(shape: S): S {
  switch (shape.type) {
    case 'string': {
      const values = shape.enum && inChina.get(shape.enum)
      return values === undefined || sameNames(values, shape.enum) ? shape : { ...shape, enum: values }
    }
    case 'list': {
      const of = shapeInChina(shape.of)
      return of === shape.of ? shape : { ...shape, of }
    }
    case 'structure': {
      const members = membersInChina(shape.members)
      return members === shape.members ? shape : { ...shape, members }
    }
    default:
      return shape
  }
}

function sameNames(some: readonly string[], others: readonly string[] = []): boolean {
  return some.length === others.length && some.every((name, i) => name === others[i])
}
