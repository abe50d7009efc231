/* SPDX-License-Identifier: MIT */
/*
 * Owns the intrusive, circular, doubly linked list. A list head is a link that points to itself
 * when the list is empty. Not thread-safe: the owner of the list is said where the head is.
 */
#ifndef HAK_BASE_LIST_H
#define HAK_BASE_LIST_H

#include "base/compiler.h"

struct hak_link {
    struct hak_link *next;
    struct hak_link *previous;
};

#define hak_container(link, type, member) ((type *)((char *)(link)-offsetof(type, member)))

HAK_INLINE void hak_list_init(struct hak_link *head) {
    head->next = head;
    head->previous = head;
}

/* A head of zeroes is an empty list that nothing may be put on before it is initialised. */
HAK_INLINE bool hak_list_is_unused(const struct hak_link *head) {
    return !head->next;
}

/* The head itself if there is none. */
HAK_INLINE struct hak_link *hak_list_first(const struct hak_link *head) {
    return hak_list_is_unused(head) ? (struct hak_link *)(uintptr_t)head : head->next;
}

HAK_INLINE bool hak_list_is_empty(const struct hak_link *head) {
    return hak_list_first(head) == head;
}

HAK_INLINE void hak_list_insert_after(struct hak_link *where, struct hak_link *link) {
    link->next = where->next;
    link->previous = where;
    where->next->previous = link;
    where->next = link;
}

HAK_INLINE void hak_list_push_front(struct hak_link *head, struct hak_link *link) {
    hak_list_insert_after(head, link);
}

HAK_INLINE void hak_list_push_back(struct hak_link *head, struct hak_link *link) {
    hak_list_insert_after(head->previous, link);
}

HAK_INLINE void hak_list_remove(struct hak_link *link) {
    hak_assert(link->next->previous == link && link->previous->next == link);
    link->next->previous = link->previous;
    link->previous->next = link->next;
}

#endif
