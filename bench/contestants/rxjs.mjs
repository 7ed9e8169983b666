// rxjs: mergeMap with a concurrency; each result is put where its index says.
import { from, lastValueFrom, mergeMap } from "rxjs";
import { range } from "../hooks.mjs";

export async function fanOut(exec, count, concurrency) {
  const results = [];
  const put = async (item, index) => {
    results[index] = await exec(item);
  };
  await lastValueFrom(from(range(count)).pipe(mergeMap(put, concurrency)));
  return results;
}
