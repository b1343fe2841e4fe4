// What is to be done at the end of a test, the latest first: a page goes before the server that it came from.

const tasks = new WeakMap();

/** Unlike `t.after`, whose tasks run in the order in which they were given. */
export function atEnd(t, task) {
  if (!tasks.has(t)) {
    tasks.set(t, []);
    t.after(() => finish(tasks.get(t)));
  }
  tasks.get(t).push(task);
}

/** All of them, whatever fails; the first failure is told. */
async function finish(stack) {
  const failures = [];
  while (stack.length) {
    try {
      await stack.pop()();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length) throw failures[0];
}
