// Proxies that record reads and writes of plain objects, arrays, Map and Set at any depth. Other values are returned as
// they are.
import { builtInOf, isObject } from "sluice/internal";
import { type Accesses, MEMBERS } from "./accesses.js";

/** The target of each proxy. */
const targets = new WeakMap<object, object>();
const raw = <T>(value: T): T => (isObject(value) ? ((targets.get(value) as T) ?? value) : value);

/** Creates proxies for one store, the same one for the same object at the same path. */
export class Tracker {
  readonly #accesses: Accesses;
  readonly #proxies = new WeakMap<object, Map<string, object>>();

  constructor(accesses: Accesses) {
    this.#accesses = accesses;
  }

  /** @param path - Where the value is; `""` for the store. */
  track<T>(value: T, path: string): T {
    if (!isObject(value) || targets.has(value) || Object.isFrozen(value)) return value;
    const isCollection = ["Map", "Set"].includes(builtInOf(value));
    if (!isCollection && !isPlain(value) && path !== "") return value;
    const known = this.#proxies.get(value) ?? new Map<string, object>();
    this.#proxies.set(value, known);
    let proxy = known.get(path);
    if (proxy === undefined) {
      proxy = new Proxy(value, isCollection ? this.#ofCollection(path) : this.#ofObject(path));
      known.set(path, proxy);
      targets.set(proxy, value);
    }
    return proxy as T;
  }

  #ofObject(path: string): ProxyHandler<object> {
    const accesses = this.#accesses;
    const at = (key: string) => (path === "" ? key : `${path}.${key}`);
    const members = at(MEMBERS);
    const pathOf = (target: object, key: string) =>
      Array.isArray(target) && key === "length" ? members : at(key);
    return {
      get: (target, key) => {
        const value = Reflect.get(target, key);
        if (typeof key === "symbol" || (typeof value === "function" && !Object.hasOwn(target, key)))
          return value;
        accesses.read(pathOf(target, key));
        return isFixed(target, key) ? value : this.track(value, at(key));
      },
      has: (target, key) => {
        if (typeof key === "string") accesses.read(at(key), true);
        return Reflect.has(target, key);
      },
      ownKeys: (target) => {
        if (path === "") accesses.copy();
        else accesses.read(members);
        return Reflect.ownKeys(target);
      },
      set: (target, key, value) => {
        if (typeof key === "string") {
          if (path !== "" && !Object.hasOwn(target, key)) accesses.write(members, true);
          accesses.write(pathOf(target, key));
        }
        return Reflect.set(target, key, raw(value));
      },
      deleteProperty: (target, key) => {
        if (typeof key === "string") {
          accesses.write(at(key));
          if (path !== "") accesses.write(members, true);
        }
        return Reflect.deleteProperty(target, key);
      },
    };
  }

  /** The handler of a Map or Set: methods are called on the target, because a proxy has no internal slots. */
  #ofCollection(path: string): ProxyHandler<object> {
    const accesses = this.#accesses;
    const members = `${path}.${MEMBERS}`;
    const at = (key: unknown) => (isObject(key) ? members : `${path}.${String(key)}`);
    const note = (name: PropertyKey, key: unknown) => {
      if (name === "get" || name === "has") accesses.read(at(key), name === "has");
      else if (name === "set" || name === "add" || name === "delete") {
        // A Set records only membership, so the order of two adds makes no difference.
        accesses.write(at(key), name === "add" || isObject(key));
        accesses.write(members, true);
      } else if (name === "clear") accesses.write(members);
      else accesses.read(members);
    };
    return {
      get: (target, name) => {
        const member = Reflect.get(target, name, target);
        if (typeof member !== "function") {
          if (name === "size") accesses.read(members);
          return member;
        }
        return (...args: unknown[]) => {
          note(name, args[0]);
          const result = member.apply(target, args.map(raw));
          if (name === "get") return this.track(result, at(args[0]));
          return result === target ? this.track(target, path) : result;
        };
      },
    };
  }
}

/** Whether a value is an array or an object without a class. */
function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return Array.isArray(value) || prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** A proxy must return the original value of a property that is neither writable nor configurable. */
function isFixed(target: object, key: string): boolean {
  const property = Reflect.getOwnPropertyDescriptor(target, key);
  return property !== undefined && property.configurable === false && property.writable !== true;
}
