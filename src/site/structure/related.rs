//! Posts on the same subject: those that share series, tags and categories.
//!
//! A shared name counts more the fewer posts have it. Only the posts of a group that are closest in
//! date are looked at, so that the work grows with the number of posts and not with its square.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::groups::Group;

/// How many related posts a post has.
const MOST: usize = 5;
/// How many posts of a group are looked at before and after a post.
const NEAR: usize = 25;

/// The related posts of each of `count` posts, the closest first. Each kind of groups has a weight.
pub(super) fn of(count: usize, kinds: &[(&[Group], u32)]) -> Vec<Vec<usize>> {
    let mut scores: Vec<BTreeMap<usize, u32>> = vec![BTreeMap::new(); count];
    for (groups, weight) in kinds {
        for group in *groups {
            let mut posts = group.posts.clone();
            posts.sort_unstable();
            let score = weight * rarity(count, posts.len());
            for (at, &post) in posts.iter().enumerate() {
                let near = at.saturating_sub(NEAR)..posts.len().min(at + NEAR + 1);
                for &other in posts[near].iter().filter(|&&other| other != post) {
                    *scores[post].entry(other).or_default() += score;
                }
            }
        }
    }
    scores.iter().enumerate().map(|(post, scores)| closest(post, scores)).collect()
}

/// How rare it is that a post is in a group of `size` of all `count` posts: 1 if all are.
fn rarity(count: usize, size: usize) -> u32 {
    1 + (count / size.max(1)).checked_ilog2().unwrap_or(0)
}

/// The posts with the highest scores; of equal ones, those closest in date.
fn closest(post: usize, scores: &BTreeMap<usize, u32>) -> Vec<usize> {
    let mut others: Vec<(Reverse<u32>, usize, usize)> = scores
        .iter()
        .map(|(&other, &score)| (Reverse(score), other.abs_diff(post), other))
        .collect();
    others.sort_unstable();
    others.into_iter().take(MOST).map(|(.., other)| other).collect()
}

#[cfg(test)]
mod tests {
    use super::super::groups::Kind;
    use super::*;

    fn group(posts: &[usize]) -> Group {
        Group { posts: posts.to_vec(), ..Group::new(Kind::Tag, "tag") }
    }

    #[test]
    fn rare_tags_relate_more_than_common_ones() {
        let tags = [group(&[0, 1, 2, 3, 4, 5, 6, 7]), group(&[0, 5])];
        let related = of(8, &[(&tags, 1)]);
        assert_eq!(related[0], [5, 1, 2, 3, 4]);
        assert_eq!(related[6], [5, 7, 4, 3, 2]);
    }

    #[test]
    fn a_post_without_shared_names_has_no_related_posts() {
        assert_eq!(of(2, &[(&[group(&[0])], 1)]), [[0_usize; 0], []]);
    }

    #[test]
    fn large_groups_are_looked_at_near_a_post_only() {
        let all: Vec<usize> = (0..10_000).collect();
        let related = of(10_000, &[(&[group(&all)], 1)]);
        assert_eq!(related[5_000], [4_999, 5_001, 4_998, 5_002, 4_997]);
    }
}
