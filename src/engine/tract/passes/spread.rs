//! One run over several cores: where tract's executor has threads for its own kernels, ours share
//! them.

use tract_linalg::multithread::{Executor, current_tract_executor};

/// Products of numbers that are worth a thread.
const WORTH_A_THREAD: usize = 2 << 20;

/// Cuts an output into stretches of whole units, one for each thread that is worth it, and gives
/// each its first unit. `work` is the number of products for all.
pub(super) fn spread(
    output: &mut [f32],
    unit: usize,
    work: usize,
    run: impl Fn(usize, &mut [f32]) + Sync,
) {
    let units = output.len().div_ceil(unit.max(1));
    let most = units.min(work / WORTH_A_THREAD);
    match current_tract_executor() {
        Executor::MultiThread(pool) if most > 1 && pool.current_num_threads() > 1 => {
            let each = units.div_ceil(most.min(pool.current_num_threads()));
            let run = &run;
            pool.scope(|scope| {
                for (number, output) in output.chunks_mut(each * unit).enumerate() {
                    scope.spawn(move |_| run(number * each, output));
                }
            });
        }
        _ => run(0, output),
    }
}

#[cfg(test)]
mod tests {
    use tract_linalg::multithread::multithread_tract_scope;

    use super::*;

    #[test]
    fn every_unit_is_written_once_by_whichever_thread() {
        for (threads, units) in [(1, 5), (2, 5), (3, 2), (4, 1)] {
            let mut output = vec![0.0; units * 3 - 1];
            #[expect(clippy::cast_precision_loss, reason = "a few units")]
            multithread_tract_scope(Executor::multithread(threads), || {
                spread(&mut output, 3, usize::MAX, |first, output| {
                    for (number, unit) in output.chunks_mut(3).enumerate() {
                        for value in unit.iter_mut() {
                            *value += (first + number) as f32 + 1.0;
                        }
                    }
                });
            });
            let expected = (0..output.len()).map(|at| at / 3 + 1);
            #[expect(clippy::cast_precision_loss, clippy::float_cmp, reason = "a few units")]
            let right = output.iter().zip(expected).all(|(found, unit)| *found == unit as f32);
            assert!(right, "{output:?}");
        }
    }
}
